//! XML, formatted as S3 does.

/// A document that is being written.
#[derive(Debug)]
pub(super) struct Xml(String);

impl Xml {
    /// Creates a document that begins with the XML declaration.
    pub(super) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    /// Writes an element that contains `text`.
    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name);
        escape(&mut self.0, text);
        self.close(name)
    }

    /// Writes text into the current element.
    pub(super) fn plain(&mut self, text: &str) -> &mut Self {
        escape(&mut self.0, text);
        self
    }

    /// Writes an element that contains what `inner` writes.
    pub(super) fn element(&mut self, name: &str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        inner(self);
        self.close(name)
    }

    /// Writes the root element, in S3's namespace, and returns the document.
    pub(super) fn s3_root(mut self, name: &str, inner: impl FnOnce(&mut Self)) -> String {
        self.open(&format!("{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""));
        inner(&mut self);
        self.close(name);
        self.0
    }

    /// Returns the document.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.0)
    }

    fn open(&mut self, name: &str) -> &mut Self {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }
}

/// Escapes text as S3 does. Control characters become references that XML 1.0 does not allow; S3
/// sends these too, which is why clients request `encoding-type=url`.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{0}'..='\u{1f}' => out.push_str(&format!("&#x{:x};", u32::from(character))),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::new();
        xml.text("Key", "<a href=\"x\">&\u{1}\r");
        assert!(xml.finish().ends_with("<Key>&lt;a href=&quot;x&quot;&gt;&amp;&#x1;&#xd;</Key>"));
    }
}
