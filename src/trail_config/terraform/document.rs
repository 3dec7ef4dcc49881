//! Reads a plan or a state. Only resources that matter are held.
use super::node::Node;
use crate::console::refusal::Refusal;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{excerpt, shell_word};

/// Modules inside modules that are read. Terraform's own projects have fewer than ten.
const DEPTH: usize = 64;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plan: what will be.
    Plan,
    /// A state: what was made, as Terraform knows it.
    State,
}

/// The resources of a plan or state.
#[derive(Debug)]
pub(crate) struct Document {
    /// Plan or state.
    pub(crate) kind: Kind,
    /// Whether the plan says that it is only a part of what would be done.
    pub(crate) incomplete: bool,
    /// Resources after the plan is applied.
    pub(super) resources: Vec<Resource>,
    /// The configuration's modules, by path: `""`, `"logs"`, `"logs.inner"`.
    pub(super) modules: BTreeMap<String, Module>,
    /// Texts that the document marks as sensitive.
    pub(crate) sensitive: BTreeSet<String>,
}

/// A resource.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) address: String,
    /// Path of its module, without indices.
    pub(super) module: String,
    /// Address of its module, with indices: `module.logs["a"]`; empty for the root.
    pub(super) module_at: String,
    /// Address within its module, without an index: `aws_s3_bucket.logs`.
    pub(super) local: String,
    pub(super) kind: String,
    /// Index, if it has `count` or `for_each`.
    pub(super) index: Option<Value>,
    pub(super) tainted: bool,
    values: Value,
    unknown: Value,
}

impl Resource {
    pub(super) fn node(&self) -> Node<'_> {
        Node::new(Some(&self.values), Some(&self.unknown))
    }
}

/// A module of the configuration.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The expressions of each resource, by address within the module.
    pub(super) expressions: BTreeMap<String, Map<String, Value>>,
    /// The configuration of the provider that makes each resource, by address within the module.
    pub(super) providers: BTreeMap<String, String>,
    /// The expressions of outputs.
    pub(super) outputs: BTreeMap<String, Value>,
    /// The expressions that are passed to each module that it calls.
    pub(super) calls: BTreeMap<String, Map<String, Value>>,
}

#[derive(Deserialize)]
struct Top {
    format_version: Option<String>,
    #[serde(default)]
    errored: bool,
    complete: Option<bool>,
    resource_changes: Option<Vec<Entry>>,
    planned_values: Option<IgnoredAny>,
    configuration: Option<Configuration>,
    values: Option<StateValues>,
    /// Only a raw state file has it.
    lineage: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Change {
    actions: Vec<String>,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    after_sensitive: Value,
}

#[derive(Deserialize)]
struct Configuration {
    root_module: Option<ConfiguredModule>,
}

#[derive(Deserialize)]
struct ConfiguredModule {
    #[serde(default)]
    resources: Vec<Entry>,
    #[serde(default)]
    outputs: BTreeMap<String, Output>,
    #[serde(default)]
    module_calls: BTreeMap<String, ModuleCall>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    expression: Value,
}

#[derive(Deserialize)]
struct ModuleCall {
    #[serde(default)]
    expressions: Map<String, Value>,
    module: Option<Box<ConfiguredModule>>,
}

#[derive(Deserialize)]
struct StateValues {
    root_module: Option<StateModule>,
}

#[derive(Deserialize)]
struct StateModule {
    address: Option<String>,
    #[serde(default)]
    resources: Vec<Entry>,
    #[serde(default)]
    child_modules: Vec<StateModule>,
}

/// A resource in a list of changes, of a configuration or of a state. What a resource holds that does not
/// matter is passed over while it is read: a plan may have 50 MB of it.
#[derive(Default)]
struct Entry {
    address: String,
    module_address: String,
    kind: String,
    mode: String,
    name: String,
    index: Option<Value>,
    tainted: bool,
    provider_config_key: Option<String>,
    change: Value,
    expressions: Value,
    values: Value,
    sensitive_values: Value,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a resource")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Entry, A::Error> {
                let mut entry = Entry::default();
                while let Some(name) = fields.next_key::<String>()? {
                    let passed = !entry.kind.is_empty() && !matters(&entry.kind);
                    match name.as_str() {
                        "address" => entry.address = fields.next_value()?,
                        "module_address" => entry.module_address = fields.next_value()?,
                        "type" => entry.kind = fields.next_value()?,
                        "mode" => entry.mode = fields.next_value()?,
                        "name" => entry.name = fields.next_value()?,
                        "index" => entry.index = Some(fields.next_value()?),
                        "tainted" => entry.tainted = fields.next_value()?,
                        "provider_config_key" => entry.provider_config_key = fields.next_value()?,
                        "change" if !passed => entry.change = fields.next_value()?,
                        "expressions" if !passed => entry.expressions = fields.next_value()?,
                        "values" if !passed => entry.values = fields.next_value()?,
                        "sensitive_values" if !passed => {
                            entry.sensitive_values = fields.next_value()?;
                        }
                        _ => drop(fields.next_value::<IgnoredAny>()?),
                    }
                }
                // The type may come last.
                if !matters(&entry.kind) {
                    return Ok(Entry { kind: entry.kind, ..Entry::default() });
                }
                Ok(entry)
            }
        }
        from.deserialize_map(Reader)
    }
}

/// Returns whether resources of a type matter.
fn matters(kind: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "aws_cloudtrail",
        "aws_s3_bucket",
        "aws_s3_account_public_access_block",
        "aws_kms_",
        "aws_iam_policy_document",
        "aws_cloudwatch_event_",
        "aws_cloudwatch_log_metric_filter",
        "aws_cloudwatch_metric_alarm",
    ];
    PREFIXES.iter().any(|prefix| kind.starts_with(prefix))
}

/// Returns an address without its indices: `module.a["x"].b[0]` becomes `module.a.b`.
fn without_indices(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for character in address.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if inside => quoted = !quoted,
            '[' if !inside => inside = true,
            ']' if inside && !quoted => inside = false,
            _ if inside => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Returns the path of a module's address: `module.logs.module.inner` becomes `logs.inner`.
fn module_path(address: &str) -> String {
    let plain = without_indices(address);
    let names = plain.split('.').skip(1).step_by(2);
    names.collect::<Vec<_>>().join(".")
}

impl Document {
    /// Reads what `terraform show -json` printed. `name` is how messages call the file.
    ///
    /// # Errors
    ///
    /// It is not such a document, or one that cannot be judged.
    pub(crate) fn read(text: &str, name: &str) -> Result<Self, Refusal> {
        let shown = excerpt(name, 200);
        let top: Top = serde_json::from_str(text).map_err(|error| {
            let cut = if error.is_eof() { "; the file is cut short" } else { "" };
            Refusal::not_started(format!(
                "`{shown}` is not JSON as `terraform show -json` prints it: {error}{cut}"
            ))
        })?;
        if top.lineage.is_some() {
            return Err(Refusal::usage(format!(
                "`{shown}` is a raw state file, whose form Terraform does not document\n\n\
                 hint: make the documented form with `terraform show -json {} > state.json`",
                shell_word(name)
            )));
        }
        let version = top.format_version.as_deref().unwrap_or_default();
        if version.split('.').next() != Some("1") {
            return Err(Refusal::not_started(format!(
                "`{shown}` has format version `{}`; versions 1.x are supported",
                excerpt(version, 40)
            )));
        }
        if top.errored {
            return Err(Refusal::not_started(format!(
                "`{shown}` is a plan that ended in an error and does not show what would be\n\n\
                 hint: mend the error and plan again"
            )));
        }
        let mut document = Self {
            kind: Kind::Plan,
            incomplete: top.complete == Some(false),
            resources: Vec::new(),
            modules: BTreeMap::new(),
            sensitive: BTreeSet::new(),
        };
        let malformed = |error: serde_json::Error| {
            Refusal::not_started(format!("`{shown}` holds a resource of an unknown form: {error}"))
        };
        if let Some(changes) = top.resource_changes {
            for change in changes.into_iter().filter(|it| matters(&it.kind)) {
                document.take_change(change).map_err(malformed)?;
            }
        } else if let Some(root) = top.values.and_then(|values| values.root_module) {
            document.kind = Kind::State;
            document.take_state(root, 0);
        } else if top.planned_values.is_none() {
            return Err(Refusal::not_started(format!(
                "`{shown}` is neither a plan nor a state with resources\n\n\
                 hint: write it with `terraform show -json PLANFILE` or `terraform show -json`"
            )));
        }
        if let Some(root) = top.configuration.and_then(|it| it.root_module) {
            document.take_module("", root, 0);
        }
        Ok(document)
    }

    fn take_change(&mut self, entry: Entry) -> serde_json::Result<()> {
        let values: Change = serde_json::from_value(entry.change)?;
        if values.actions == ["delete"] || values.actions == ["forget"] {
            return Ok(());
        }
        self.note_sensitive(&values.after, &values.after_sensitive);
        self.resources.push(Resource {
            module: module_path(&entry.module_address),
            module_at: entry.module_address,
            local: local(&entry.mode, &entry.kind, &entry.name),
            kind: kind(&entry.mode, &entry.kind),
            address: entry.address,
            index: entry.index,
            tainted: false,
            values: values.after,
            unknown: values.after_unknown,
        });
        Ok(())
    }

    fn take_state(&mut self, module: StateModule, depth: usize) {
        let at = module.address.unwrap_or_default();
        let path = module_path(&at);
        for entry in module.resources.into_iter().filter(|it| matters(&it.kind)) {
            self.note_sensitive(&entry.values, &entry.sensitive_values);
            self.resources.push(Resource {
                module: path.clone(),
                module_at: at.clone(),
                local: local(&entry.mode, &entry.kind, &entry.name),
                kind: kind(&entry.mode, &entry.kind),
                address: entry.address,
                index: entry.index,
                tainted: entry.tainted,
                values: entry.values,
                unknown: Value::Null,
            });
        }
        if depth < DEPTH {
            for child in module.child_modules {
                self.take_state(child, depth + 1);
            }
        }
    }

    fn take_module(&mut self, path: &str, module: ConfiguredModule, depth: usize) {
        let mut taken = Module::default();
        for entry in module.resources.into_iter().filter(|it| matters(&it.kind)) {
            if let Some(provider) = entry.provider_config_key {
                taken.providers.insert(entry.address.clone(), provider);
            }
            // Terraform leaves out the expressions of a resource that sets nothing.
            let expressions = match entry.expressions {
                Value::Object(expressions) => expressions,
                _ => Map::new(),
            };
            taken.expressions.insert(entry.address, expressions);
        }
        taken.outputs =
            module.outputs.into_iter().map(|(name, output)| (name, output.expression)).collect();
        for (name, call) in module.module_calls {
            taken.calls.insert(name.clone(), call.expressions);
            if let Some(inner) = call.module.filter(|_| depth < DEPTH) {
                let dot = if path.is_empty() { "" } else { "." };
                self.take_module(&format!("{path}{dot}{name}"), *inner, depth + 1);
            }
        }
        self.modules.insert(path.to_owned(), taken);
    }

    /// Collects the texts that the second tree marks as sensitive.
    fn note_sensitive(&mut self, value: &Value, marks: &Value) {
        match (value, marks) {
            (Value::String(text), Value::Bool(true)) if !text.is_empty() => {
                // Checks show the parts of a policy, so that each part is as sensitive as the whole.
                if text.starts_with(['{', '[']) && text.len() <= budget::POLICY {
                    let parts: Value = serde_json::from_str(text).unwrap_or_default();
                    self.note_sensitive(&parts, marks);
                }
                self.sensitive.insert(text.clone());
            }
            // An account may be written as a number.
            (Value::Number(number), Value::Bool(true)) => {
                self.sensitive.insert(number.to_string());
            }
            (Value::Array(list), Value::Bool(true)) => {
                list.iter().for_each(|it| self.note_sensitive(it, marks));
            }
            (Value::Object(fields), Value::Bool(true)) => {
                fields.values().for_each(|it| self.note_sensitive(it, marks));
            }
            (Value::Array(list), Value::Array(marks)) => {
                list.iter().zip(marks).for_each(|(it, mark)| self.note_sensitive(it, mark));
            }
            (Value::Object(fields), Value::Object(marks)) => {
                for (name, mark) in marks {
                    if let Some(value) = fields.get(name) {
                        self.note_sensitive(value, mark);
                    }
                }
            }
            _ => {}
        }
    }
}

fn kind(mode: &str, kind: &str) -> String {
    if mode == "data" { format!("data.{kind}") } else { kind.to_owned() }
}

fn local(mode: &str, of: &str, name: &str) -> String {
    format!("{}.{name}", kind(mode, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_no_part_of_a_path() {
        assert_eq!(without_indices("aws_cloudtrail.a[0]"), "aws_cloudtrail.a");
        assert_eq!(without_indices(r#"module.a["x]\"[."].b["y"].c"#), "module.a.b.c");
        assert_eq!(module_path(r#"module.logs["eu.west"].module.inner[1]"#), "logs.inner");
        assert_eq!(module_path(""), "");
    }

    #[test]
    fn documents_that_cannot_be_judged_are_refused_with_the_way_out() {
        for (text, words) in [
            ("{", "cut short"),
            ("[]", "is not JSON as"),
            (r#"{"version": 4, "lineage": "x", "resources": []}"#, "terraform show -json"),
            (r#"{"format_version": "2.0", "resource_changes": []}"#, "versions 1.x"),
            (
                r#"{"format_version": "1.2", "errored": true, "resource_changes": []}"#,
                "ended in an",
            ),
            (r#"{"format_version": "1.2"}"#, "neither a plan nor a state"),
        ] {
            let refused = Document::read(text, "plan.json").unwrap_err();
            assert!(refused.to_string().contains(words), "{refused}");
        }
        let partial = r#"{"format_version": "1.9", "complete": false, "resource_changes": []}"#;
        assert!(Document::read(partial, "p").unwrap().incomplete);
    }
}
