//! STS: the caller's identity.
use super::response::Response;
use super::xml::Xml;

/// Responds to GetCallerIdentity, with the same auditor that error messages name.
pub(super) fn get_caller_identity(request_id: &str) -> Response {
    let mut xml = Xml::new();
    xml.element("GetCallerIdentityResponse", |xml| {
        xml.element("GetCallerIdentityResult", |xml| {
            xml.text("Arn", "arn:aws:iam::111122223333:user/auditor")
                .text("UserId", "AIDACKCEVSQ6C2EXAMPLE")
                .text("Account", "111122223333");
        });
        write_metadata(xml, request_id);
    });
    Response::with_body(200, "text/xml", xml.finish())
}

/// Creates an error of the query protocol.
pub(super) fn refuse(status: u16, code: &str, message: &str, request_id: &str) -> Response {
    let mut xml = Xml::new();
    xml.element("ErrorResponse", |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", "Sender").text("Code", code).text("Message", message);
        });
        xml.text("RequestId", request_id);
    });
    Response::with_body(status, "text/xml", xml.finish())
}

fn write_metadata(xml: &mut Xml, request_id: &str) {
    xml.element("ResponseMetadata", |xml| {
        xml.text("RequestId", request_id);
    });
}
