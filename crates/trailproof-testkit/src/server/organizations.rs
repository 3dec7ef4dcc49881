//! Organizations: which organization the caller is in.
use super::json::{self, JsonError};
use super::response::Response;
use crate::world::World;
use serde_json::json;

/// Answers DescribeOrganization. The management account is the one that an organization trail belongs
/// to, where there is such a trail.
pub(super) fn describe_organization(world: &World) -> Result<Response, JsonError> {
    let id = world.organization_id.as_deref().ok_or_else(|| {
        JsonError::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        )
    })?;
    let account = world
        .trails
        .iter()
        .find(|trail| trail.organization)
        .and_then(|trail| trail.arn.split(':').nth(4))
        .unwrap_or("111122223333");
    Ok(json::response(&json!({
        "Organization": {
            "Id": id,
            "Arn": format!("arn:aws:organizations::{account}:organization/{id}"),
            "FeatureSet": "ALL",
            "MasterAccountId": account,
            "MasterAccountArn": format!("arn:aws:organizations::{account}:account/{id}/{account}"),
            "MasterAccountEmail": "management@example.com",
            "AvailablePolicyTypes": [],
        }
    })))
}
