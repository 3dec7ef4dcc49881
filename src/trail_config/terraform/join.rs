//! Follows references from an attribute to the resource that will give its value.
use super::document::{Document, Resource};
use serde_json::Value;

/// Steps from an attribute through modules to a resource.
const STEPS: usize = 32;

/// What an attribute refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// A resource of the document.
    Resource(&'a Resource),
    /// Something else: a local value, a variable from outside, or several resources.
    Elsewhere,
    /// The configuration does not set the attribute.
    Unset,
}

impl Document {
    /// Returns the resource to which an attribute of `resource` refers.
    pub(super) fn target<'a>(&'a self, resource: &Resource, attribute: &str) -> Target<'a> {
        let Some(module) = self.modules.get(&resource.module) else { return Target::Elsewhere };
        let Some(expressions) = module.expressions.get(&resource.local) else {
            return Target::Elsewhere;
        };
        match expressions.get(attribute) {
            None => Target::Unset,
            Some(expression) => self.follow(&resource.module, expression, resource, STEPS),
        }
    }

    /// Returns the resource that an expression names. The expression is of `module`.
    pub(super) fn follow<'a>(
        &'a self,
        module: &str,
        expression: &Value,
        from: &Resource,
        steps: usize,
    ) -> Target<'a> {
        let Some(steps) = steps.checked_sub(1) else { return Target::Elsewhere };
        let references = expression.get("references").and_then(Value::as_array);
        let mut found: Option<&Resource> = None;
        for reference in references.into_iter().flatten().filter_map(Value::as_str) {
            let target = match self.refers(module, reference, from, steps) {
                // `module.logs` beside `module.logs.bucket` names no resource.
                None => continue,
                Some(Target::Resource(target)) => target,
                Some(_) => return Target::Elsewhere,
            };
            match found {
                Some(other) if other.address != target.address => return Target::Elsewhere,
                _ => found = Some(target),
            }
        }
        found.map_or(Target::Elsewhere, Target::Resource)
    }

    /// Returns what one reference names; `None` if it is only the beginning of a longer one.
    fn refers<'a>(
        &'a self,
        module: &str,
        reference: &str,
        from: &Resource,
        steps: usize,
    ) -> Option<Target<'a>> {
        let mut parts = reference.split('.');
        match (parts.next()?, parts.next()?) {
            ("module", name) => {
                let name = name.split('[').next()?;
                let output = parts.next()?.split('[').next()?;
                let dot = if module.is_empty() { "" } else { "." };
                let path = format!("{module}{dot}{name}");
                let expression = self.modules.get(&path)?.outputs.get(output);
                Some(match expression {
                    Some(expression) => self.follow(&path, expression, from, steps),
                    None => Target::Elsewhere,
                })
            }
            ("var", name) => {
                let (outer, call) = module.rsplit_once('.').unwrap_or(("", module));
                let passed =
                    self.modules.get(outer).and_then(|outer| outer.calls.get(call)?.get(name));
                Some(match passed {
                    Some(expression) if !module.is_empty() => {
                        self.follow(outer, expression, from, steps)
                    }
                    _ => Target::Elsewhere,
                })
            }
            ("local" | "each" | "self" | "count" | "path" | "terraform", _) => {
                Some(Target::Elsewhere)
            }
            ("data", kind) => {
                let name = parts.next()?.split('[').next()?;
                Some(self.instance(module, &format!("data.{kind}.{name}"), from))
            }
            (kind, name) => {
                let name = name.split('[').next()?;
                Some(self.instance(module, &format!("{kind}.{name}"), from))
            }
        }
    }

    /// Returns the instance of a resource that `from` refers to: the only one, or the one with the same
    /// index.
    fn instance<'a>(&'a self, module: &str, local: &str, from: &Resource) -> Target<'a> {
        let of = |it: &&Resource| it.module == module && it.local == local;
        let mut instances = self.resources.iter().filter(of);
        match (instances.next(), instances.next()) {
            (Some(only), None) => Target::Resource(only),
            (Some(_), Some(_)) => {
                let same = |it: &&Resource| from.index.is_some() && it.index == from.index;
                let mut same = self.resources.iter().filter(of).filter(same);
                match (same.next(), same.next()) {
                    (Some(one), None) => Target::Resource(one),
                    _ => Target::Elsewhere,
                }
            }
            (None, _) => Target::Elsewhere,
        }
    }
}
