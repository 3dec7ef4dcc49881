//! Finds resources by what refers to them: by reference in the configuration, or by a value that is known.
//! What is looked for more than once is indexed: a plan may have tens of thousands of buckets.
use super::document::{Document, Kind, Resource};
use super::node::Node;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use trailproof_core::control::fact::UnreadWhy;

/// References that are followed from one attribute through modules to a resource.
const STEPS: usize = 256;

/// The kinds of keys that customers manage.
pub(super) const KEYS: [&str; 4] =
    ["aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key"];

const BUCKETS: [&str; 1] = ["aws_s3_bucket"];

/// The kinds of resources that configure a bucket or a key, each with the attribute that names it.
const SETTINGS: [(&str, &str, &[&str]); 12] = [
    ("aws_s3_bucket_versioning", "bucket", &BUCKETS),
    ("aws_s3_bucket_object_lock_configuration", "bucket", &BUCKETS),
    ("aws_s3_bucket_server_side_encryption_configuration", "bucket", &BUCKETS),
    ("aws_s3_bucket_public_access_block", "bucket", &BUCKETS),
    ("aws_s3_bucket_policy", "bucket", &BUCKETS),
    ("aws_s3_bucket_acl", "bucket", &BUCKETS),
    ("aws_s3_bucket_ownership_controls", "bucket", &BUCKETS),
    ("aws_s3_bucket_lifecycle_configuration", "bucket", &BUCKETS),
    ("aws_s3_bucket_logging", "bucket", &BUCKETS),
    ("aws_s3_bucket_replication_configuration", "bucket", &BUCKETS),
    ("aws_s3_bucket_notification", "bucket", &BUCKETS),
    ("aws_kms_key_policy", "key_id", &KEYS),
];

/// What an expression refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// A resource of the document.
    Resource(&'a Resource),
    /// Something else: a local value, a variable from outside, or several resources.
    Elsewhere,
    /// The configuration does not set the attribute.
    Unset,
}

/// What an attribute refers to.
pub(super) enum Referred<'a> {
    /// A resource, by a value that is known.
    Now(&'a Resource),
    /// A resource whose value is not known yet.
    Later(&'a Resource),
    /// A name that no resource of the document has.
    Name(&'a str),
    /// Something that is not known yet, and not a resource of the document.
    Unknown,
    /// It is not set.
    None,
}

/// The resources of one kind that configure buckets or keys.
#[derive(Default)]
struct Configures<'a> {
    /// By address of the resource that they configure.
    by_address: BTreeMap<&'a str, Vec<&'a Resource>>,
    /// By a name that no resource of the document has.
    by_name: BTreeMap<&'a str, Vec<&'a Resource>>,
    /// Whether one may configure any resource.
    unjoined: bool,
}

/// The resources of a document, indexed.
pub(super) struct Joins<'a> {
    pub(super) document: &'a Document,
    by_kind: BTreeMap<&'a str, Vec<&'a Resource>>,
    /// By kind and a value that names the resource.
    by_value: BTreeMap<(&'a str, &'a str), &'a Resource>,
    /// By address of the module, with indices, and address within it, without an index.
    instances: BTreeMap<(&'a str, &'a str), Vec<&'a Resource>>,
    settings: BTreeMap<&'static str, Configures<'a>>,
}

impl<'a> Joins<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let mut joins = Self {
            document,
            by_kind: BTreeMap::new(),
            by_value: BTreeMap::new(),
            instances: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        for resource in &document.resources {
            let kind = resource.kind.as_str();
            joins.by_kind.entry(kind).or_default().push(resource);
            let within = (resource.module_at.as_str(), resource.local.as_str());
            joins.instances.entry(within).or_default().push(resource);
            for name in ["arn", "id", "bucket", "key_id", "name"] {
                if let Ok(Some(value)) = resource.node().get(name).text() {
                    joins.by_value.entry((kind, value)).or_insert(resource);
                }
            }
        }
        for (kind, attribute, of) in SETTINGS {
            let mut configures = Configures::default();
            for resource in joins.of_kind(kind) {
                match joins.referred(resource, attribute, of) {
                    Referred::Now(target) | Referred::Later(target) => {
                        let address = target.address.as_str();
                        configures.by_address.entry(address).or_default().push(resource);
                        configures.unjoined |= !of.contains(&target.kind.as_str());
                    }
                    Referred::Name(name) => {
                        configures.by_name.entry(name).or_default().push(resource);
                    }
                    Referred::Unknown => configures.unjoined = true,
                    Referred::None => {}
                }
            }
            joins.settings.insert(kind, configures);
        }
        joins
    }

    /// Returns whether a key of the document, or an alias of one, has this ARN or id. Those of AWS are no
    /// resources.
    pub(super) fn has_key(&self, named: &str) -> bool {
        KEYS.iter()
            .chain(&["aws_kms_alias"])
            .any(|kind| self.by_value.contains_key(&(*kind, named)))
    }

    pub(super) fn of_kind(&self, kind: &str) -> &[&'a Resource] {
        self.by_kind.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the resource of a kind that configures `of`, or what has this name.
    ///
    /// # Errors
    ///
    /// Returns why it is not known: one that cannot be joined may be it, or several are; or `of` is not part
    /// of the document and may be configured elsewhere.
    pub(super) fn configuring(
        &self,
        kind: &str,
        of: Option<&Resource>,
        name: Option<&str>,
    ) -> Result<Option<&'a Resource>, UnreadWhy> {
        let nothing = Configures::default();
        let configures = self.settings.get(kind).unwrap_or(&nothing);
        let by_address = of.and_then(|of| configures.by_address.get(of.address.as_str()));
        let by_name = name.and_then(|name| configures.by_name.get(name));
        let mut found = by_address.into_iter().chain(by_name).flatten();
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(Some(one)),
            // Which of them is in force depends on the order in which they are applied.
            (Some(_), Some(_)) => Err(UnreadWhy::UnknownUntilApplied),
            (None, _) if configures.unjoined => Err(UnreadWhy::UnknownUntilApplied),
            (None, _) if of.is_none() => Err(UnreadWhy::NotInInput),
            (None, _) => Ok(None),
        }
    }

    /// Returns what gives an attribute: by reference, or by the value of one of its own attributes.
    pub(super) fn referred(
        &self,
        from: &'a Resource,
        attribute: &str,
        kinds: &[&'static str],
    ) -> Referred<'a> {
        match from.node().get(attribute).text() {
            Err(UnreadWhy::UnknownUntilApplied) => match self.target(from, attribute) {
                Target::Resource(target) => Referred::Later(target),
                Target::Elsewhere | Target::Unset => Referred::Unknown,
            },
            Err(_) => Referred::Unknown,
            Ok(None) => Referred::None,
            Ok(Some(value)) => {
                let mut found = kinds.iter().filter_map(|kind| self.by_value.get(&(*kind, value)));
                found.next().map_or(Referred::Name(value), |target| Referred::Now(target))
            }
        }
    }

    /// Returns the expressions of a resource in the configuration.
    pub(super) fn expressions(&self, of: &Resource) -> Option<&'a serde_json::Map<String, Value>> {
        self.document.modules.get(&of.module)?.expressions.get(&of.local)
    }

    /// Returns the configuration of the provider that makes a resource.
    pub(super) fn provider(&self, of: &Resource) -> Option<&'a str> {
        let providers = &self.document.modules.get(&of.module)?.providers;
        providers.get(&of.local).map(String::as_str)
    }

    /// Returns the resource to which an attribute of `resource` refers.
    pub(super) fn target(&self, resource: &Resource, attribute: &str) -> Target<'a> {
        match self.expressions(resource).map(|expressions| expressions.get(attribute)) {
            None => Target::Elsewhere,
            Some(None) => Target::Unset,
            Some(Some(expression)) => self.follow(resource, expression),
        }
    }

    /// Returns an attribute that is either known or set by the configuration. The provider marks those that
    /// it does not set as unknown until the resource is made: they are as if they were not there.
    pub(super) fn unless_unset(&self, resource: &'a Resource, name: &str) -> Node<'a> {
        let node = resource.node().get(name);
        let computed = node.has_unknown() && self.document.kind == Kind::Plan;
        match computed && matches!(self.target(resource, name), Target::Unset) {
            true => Node::new(None, None),
            false => node,
        }
    }

    /// Returns the resource that an expression of `from` names.
    pub(super) fn follow(&self, from: &Resource, expression: &Value) -> Target<'a> {
        self.expression(&from.module, &from.module_at, expression, &Cell::new(STEPS))
    }

    /// Returns the resource that an expression names. The expression is of `module`, whose instance has the
    /// address `at`.
    fn expression(
        &self,
        module: &str,
        at: &str,
        expression: &Value,
        steps: &Cell<usize>,
    ) -> Target<'a> {
        let references = expression.get("references").and_then(Value::as_array);
        let mut found: Option<&'a Resource> = None;
        let mut whole = "";
        for reference in references.into_iter().flatten().filter_map(Value::as_str) {
            // After each reference come its beginnings, one by one: without the attribute, without the index.
            if whole.strip_prefix(reference).is_some_and(|rest| rest.starts_with(['.', '['])) {
                continue;
            }
            whole = reference;
            let Some(left) = steps.get().checked_sub(1) else { return Target::Elsewhere };
            steps.set(left);
            let target = match self.reference(module, at, reference, steps) {
                Some(Target::Resource(target)) => target,
                _ => return Target::Elsewhere,
            };
            match found {
                Some(other) if other.address != target.address => return Target::Elsewhere,
                _ => found = Some(target),
            }
        }
        found.map_or(Target::Elsewhere, Target::Resource)
    }

    fn reference(
        &self,
        module: &str,
        at: &str,
        reference: &str,
        steps: &Cell<usize>,
    ) -> Option<Target<'a>> {
        let dot = |of: &str| if of.is_empty() { "" } else { "." };
        let parts = parts(reference);
        match parts.as_slice() {
            ["module", call, output, ..] => {
                let path = format!("{module}{}{}", dot(module), name(call));
                let at = format!("{at}{}module.{call}", dot(at));
                let (path, of) = self.document.modules.get_key_value(&path)?;
                let expression = of.outputs.get(name(output))?;
                Some(self.expression(path, &at, expression, steps))
            }
            ["var", variable, ..] if !module.is_empty() => {
                let (outer, call) = module.rsplit_once('.').unwrap_or(("", module));
                let passed = self.document.modules.get(outer)?.calls.get(call)?;
                let expression = passed.get(name(variable))?;
                Some(self.expression(outer, enclosing(at), expression, steps))
            }
            ["data", kind, of, ..] => {
                self.instance(at, &format!("data.{kind}.{}", name(of)), index(of))
            }
            ["module" | "var" | "local" | "each" | "self" | "count" | "path" | "terraform", ..] => {
                None
            }
            [kind, of, ..] => self.instance(at, &format!("{kind}.{}", name(of)), index(of)),
            _ => None,
        }
    }

    /// Returns the instance of a resource that a reference names: the one with its index, or the only one.
    fn instance(&self, at: &str, local: &str, index: Option<&str>) -> Option<Target<'a>> {
        let instances = self.instances.get(&(at, local))?;
        let Some(index) = index else {
            // Without an index, a reference to several names all of them.
            return match instances.as_slice() {
                [only] => Some(Target::Resource(only)),
                _ => None,
            };
        };
        let index: Value = serde_json::from_str(index).ok()?;
        let mut those = instances.iter().filter(|it| it.index.as_ref() == Some(&index));
        those.next().map(|it| Target::Resource(it))
    }
}

/// Splits a reference at its dots, but not at those inside an index.
fn parts(reference: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let split = reference.split(|character: char| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth = depth.saturating_add(1),
            ']' if !quoted => depth = depth.saturating_sub(1),
            '.' if !quoted && depth == 0 => return true,
            _ => {}
        }
        false
    });
    split.collect()
}

/// Returns a part of a reference without its index.
fn name(part: &str) -> &str {
    part.split_once('[').map_or(part, |(name, _)| name)
}

/// Returns the index of a part of a reference, as JSON.
fn index(part: &str) -> Option<&str> {
    part.split_once('[')?.1.strip_suffix(']')
}

/// Returns the address of the module that holds a module.
fn enclosing(at: &str) -> &str {
    let parts = parts(at);
    let inner: usize = parts.iter().rev().take(2).map(|part| part.len().saturating_add(1)).sum();
    at.get(..at.len().saturating_sub(inner)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_outside_of_indices() {
        let whole = r#"module.logs["eu.west"].bucket"#;
        assert_eq!(parts(whole), ["module", r#"logs["eu.west"]"#, "bucket"]);
        assert_eq!((name(r#"logs["a[0]"]"#), index("b[1]")), ("logs", Some("1")));
        assert_eq!(enclosing(r#"module.a["x.y"].module.b[0]"#), r#"module.a["x.y"]"#);
        assert_eq!((enclosing("module.a"), enclosing("")), ("", ""));
    }
}
