//! Which events the selectors of a trail record. Selectors are judged by their fields, never by their
//! names.
use std::collections::BTreeSet;

/// The selectors of a trail. A trail has those of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selectors {
    /// Basic selectors. None stands for the default: all management events and no others.
    Basic(Vec<BasicSelector>),
    /// Advanced selectors, which replace the default.
    Advanced(Vec<AdvancedSelector>),
}

/// A basic selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicSelector {
    /// Whether it records events that read.
    pub reads: bool,
    /// Whether it records events that write.
    pub writes: bool,
    /// Whether it records management events.
    pub management: bool,
    /// Sources whose management events it leaves out.
    pub excluded: Vec<String>,
    /// Types and ARN prefixes of the resources whose data events it records.
    pub data: Vec<(String, Vec<String>)>,
}

/// An advanced selector: all of its fields must match an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvancedSelector {
    /// The fields.
    pub fields: Vec<FieldSelector>,
}

/// A condition on one field of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// Name of the field.
    pub field: String,
    /// Values, of which one must match.
    pub equals: Vec<String>,
    /// Beginnings, of which one must match.
    pub starts_with: Vec<String>,
    /// Whether it has conditions of other kinds than these and `not_equals`.
    pub other: bool,
    /// Values that must not match.
    pub not_equals: Vec<String>,
}

/// How far events are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// All but those of these sources.
    All(BTreeSet<String>),
    /// Only some, in a way that a condition narrows.
    Narrowed {
        /// Whether it is certain that events of some sources are left out.
        sources: bool,
    },
    /// None.
    None,
}

impl Recorded {
    /// Returns what is recorded if either of two selectors records an event.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(one), Self::All(other)) => Self::All(&one & &other),
            (all @ Self::All(_), _) | (_, all @ Self::All(_)) => all,
            (Self::Narrowed { sources: one }, Self::Narrowed { sources: other }) => {
                Self::Narrowed { sources: one && other }
            }
            (narrowed @ Self::Narrowed { .. }, _) | (_, narrowed @ Self::Narrowed { .. }) => {
                narrowed
            }
            (Self::None, Self::None) => Self::None,
        }
    }
}

/// How far reading and writing events are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadsAndWrites {
    /// Events that read.
    pub reads: Recorded,
    /// Events that write.
    pub writes: Recorded,
}

impl ReadsAndWrites {
    fn each(of: impl Fn(bool) -> Recorded) -> Self {
        Self { reads: of(true), writes: of(false) }
    }
}

impl Selectors {
    /// Returns whether these are advanced selectors.
    pub fn are_advanced(&self) -> bool {
        matches!(self, Self::Advanced(_))
    }

    /// Returns how far management events are recorded.
    pub fn management(&self) -> ReadsAndWrites {
        match self {
            Self::Basic(selectors) if selectors.is_empty() => {
                ReadsAndWrites::each(|_| Recorded::All(BTreeSet::new()))
            }
            Self::Basic(selectors) => ReadsAndWrites::each(|reads| {
                let of_side = selectors.iter().filter(|it| it.management && it.records(reads));
                of_side
                    .map(|it| Recorded::All(it.excluded.iter().cloned().collect()))
                    .fold(Recorded::None, Recorded::or)
            }),
            Self::Advanced(selectors) => ReadsAndWrites::each(|reads| {
                let recorded = selectors.iter().map(|it| it.management(reads));
                recorded.fold(Recorded::None, Recorded::or)
            }),
        }
    }

    /// Returns how far the data events of S3 objects with this ARN are recorded. `arn` ends in a slash for
    /// all of a bucket.
    pub fn object_data(&self, arn: &str) -> ReadsAndWrites {
        ReadsAndWrites::each(|reads| match self {
            Self::Basic(selectors) => {
                let of_side = selectors.iter().filter(|it| it.records(reads));
                of_side.map(|it| it.object_data(arn)).fold(Recorded::None, Recorded::or)
            }
            Self::Advanced(selectors) => {
                let recorded = selectors.iter().map(|it| it.object_data(reads, arn));
                recorded.fold(Recorded::None, Recorded::or)
            }
        })
    }
}

const S3_OBJECT: &str = "AWS::S3::Object";

impl BasicSelector {
    fn records(&self, reads: bool) -> bool {
        if reads { self.reads } else { self.writes }
    }

    fn object_data(&self, arn: &str) -> Recorded {
        let objects = self.data.iter().filter(|(kind, _)| kind == S3_OBJECT);
        objects
            .flat_map(|(_, values)| values)
            .map(|value| covers(value, arn))
            .fold(Recorded::None, Recorded::or)
    }
}

/// Returns how far a prefix of ARNs covers everything below `arn`.
fn covers(prefix: &str, arn: &str) -> Recorded {
    if arn.starts_with(prefix) {
        Recorded::All(BTreeSet::new())
    } else if prefix.starts_with(arn) {
        Recorded::Narrowed { sources: false }
    } else {
        Recorded::None
    }
}

impl FieldSelector {
    /// Returns whether it does nothing but demand one of these values.
    fn only_equals(&self) -> bool {
        !self.equals.is_empty()
            && self.starts_with.is_empty()
            && self.not_equals.is_empty()
            && !self.other
    }

    /// Returns whether it does nothing but leave out these values.
    fn only_excludes(&self) -> bool {
        self.equals.is_empty() && self.starts_with.is_empty() && !self.other
    }

    fn demands(&self, value: &str) -> bool {
        self.only_equals() && self.equals.iter().all(|it| it == value)
    }

    /// Returns whether a condition on `readOnly` admits events of this side; `None` if it is no such
    /// condition or is not understood.
    fn admits(&self, reads: bool) -> Option<bool> {
        let side = if reads { "true" } else { "false" };
        (self.field == "readOnly" && self.only_equals())
            .then(|| self.equals.iter().any(|value| value == side))
    }
}

impl AdvancedSelector {
    fn is_of(&self, category: &str) -> bool {
        self.fields.iter().any(|it| it.field == "eventCategory" && it.demands(category))
    }

    fn management(&self, reads: bool) -> Recorded {
        if !self.is_of("Management") {
            return Recorded::None;
        }
        let (mut excluded, mut sources, mut narrowed) = (BTreeSet::new(), false, false);
        for field in self.fields.iter().filter(|it| it.field != "eventCategory") {
            match field.admits(reads) {
                Some(true) => {}
                Some(false) => return Recorded::None,
                None if field.only_excludes() && field.field == "eventSource" => {
                    excluded.extend(field.not_equals.iter().cloned());
                }
                None => {
                    narrowed = true;
                    sources |= field.field == "eventSource";
                }
            }
        }
        match narrowed {
            true => Recorded::Narrowed { sources: sources || !excluded.is_empty() },
            false => Recorded::All(excluded),
        }
    }

    fn object_data(&self, reads: bool, arn: &str) -> Recorded {
        if !self.is_of("Data") {
            return Recorded::None;
        }
        let is_type = |it: &&FieldSelector| it.field == "resources.type";
        if !self.fields.iter().filter(is_type).any(|it| it.demands(S3_OBJECT)) {
            return Recorded::None;
        }
        let mut narrowed = false;
        for field in &self.fields {
            match field.field.as_str() {
                "eventCategory" | "resources.type" => {}
                "readOnly" => match field.admits(reads) {
                    Some(true) => {}
                    Some(false) => return Recorded::None,
                    None => narrowed = true,
                },
                "resources.ARN" => {
                    let begins =
                        field.equals.is_empty() && field.not_equals.is_empty() && !field.other;
                    let covered = field.starts_with.iter().map(|it| covers(it, arn));
                    match covered.fold(Recorded::None, Recorded::or) {
                        Recorded::All(_) if begins => {}
                        Recorded::None if begins => return Recorded::None,
                        _ => narrowed = true,
                    }
                }
                _ => narrowed = true,
            }
        }
        if narrowed {
            Recorded::Narrowed { sources: false }
        } else {
            Recorded::All(BTreeSet::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, equals: &[&str]) -> FieldSelector {
        FieldSelector {
            field: name.to_owned(),
            equals: equals.iter().map(|it| (*it).to_owned()).collect(),
            ..FieldSelector::default()
        }
    }

    fn advanced(selectors: &[&[FieldSelector]]) -> Selectors {
        let one = |fields: &&[FieldSelector]| AdvancedSelector { fields: fields.to_vec() };
        Selectors::Advanced(selectors.iter().map(one).collect())
    }

    fn all() -> Recorded {
        Recorded::All(BTreeSet::new())
    }

    fn basic(side: &str, management: bool) -> BasicSelector {
        BasicSelector {
            reads: side != "WriteOnly",
            writes: side != "ReadOnly",
            management,
            excluded: Vec::new(),
            data: Vec::new(),
        }
    }

    #[test]
    fn basic_selectors_record_what_they_name() {
        let management = |selectors: Vec<BasicSelector>| Selectors::Basic(selectors).management();
        let both = ReadsAndWrites { reads: all(), writes: all() };
        assert_eq!(management(vec![]), both);
        assert_eq!(management(vec![basic("All", true)]), both);
        assert_eq!(management(vec![basic("ReadOnly", true), basic("WriteOnly", true)]), both);
        assert_eq!(management(vec![basic("All", false)]).reads, Recorded::None);
        let writes = management(vec![basic("WriteOnly", true)]);
        assert_eq!((writes.reads, writes.writes), (Recorded::None, all()));
        // What one leaves out, the other records.
        let mut without = basic("All", true);
        without.excluded = vec!["kms.amazonaws.com".to_owned()];
        assert_eq!(management(vec![without.clone(), basic("All", true)]), both);
        let left = Recorded::All(BTreeSet::from(["kms.amazonaws.com".to_owned()]));
        assert_eq!(management(vec![without]).reads, left);
    }

    #[test]
    fn advanced_selectors_replace_the_default_and_are_judged_by_fields() {
        let category = |it: &str| field("eventCategory", &[it]);
        let data = [category("Data"), field("resources.type", &[S3_OBJECT])];
        assert_eq!(advanced(&[&data]).management().reads, Recorded::None);
        assert_eq!(advanced(&[&data, &[category("Management")]]).management().reads, all());
        let reads = [category("Management"), field("readOnly", &["true"])];
        let writes = [category("Management"), field("readOnly", &["false"])];
        let only = advanced(&[&reads]).management();
        assert_eq!((only.reads, only.writes), (all(), Recorded::None));
        let both = advanced(&[&reads, &writes]).management();
        assert_eq!((both.reads, both.writes), (all(), all()));
        let mut excludes = field("eventSource", &[]);
        excludes.not_equals = vec!["kms.amazonaws.com".to_owned()];
        let left = Recorded::All(BTreeSet::from(["kms.amazonaws.com".to_owned()]));
        assert_eq!(advanced(&[&[category("Management"), excludes]]).management().reads, left);
        let narrowed = [category("Management"), field("eventSource", &["s3.amazonaws.com"])];
        assert_eq!(advanced(&[&narrowed]).management().reads, Recorded::Narrowed { sources: true });
    }

    /// What a selector leaves out is not forgotten because another condition narrows it too.
    #[test]
    fn sources_stay_excluded_where_other_conditions_narrow() {
        let mut excludes = field("eventSource", &[]);
        excludes.not_equals = vec!["kms.amazonaws.com".to_owned()];
        let mut names = field("eventName", &[]);
        names.not_equals = vec!["Decrypt".to_owned()];
        let management = field("eventCategory", &["Management"]);
        let both = [management.clone(), excludes, names.clone()];
        assert_eq!(advanced(&[&both]).management().writes, Recorded::Narrowed { sources: true });
        let by_name = [management, names];
        let narrowed = Recorded::Narrowed { sources: false };
        assert_eq!(advanced(&[&by_name]).management().writes, narrowed);
        assert_eq!(advanced(&[&both, &by_name]).management().writes, narrowed);
    }

    #[test]
    fn data_events_cover_a_bucket_or_a_part_of_it() {
        let bucket = "arn:aws:s3:::b/";
        let of = |value: &str| {
            let mut selector = basic("All", true);
            selector.data = vec![(S3_OBJECT.to_owned(), vec![value.to_owned()])];
            Selectors::Basic(vec![selector]).object_data(bucket).writes
        };
        assert_eq!(of("arn:aws:s3"), all());
        assert_eq!(of("arn:aws:s3:::b/"), all());
        assert_eq!(of("arn:aws:s3:::b/part/"), Recorded::Narrowed { sources: false });
        assert_eq!(of("arn:aws:s3:::bb/"), Recorded::None);
        let base = [field("eventCategory", &["Data"]), field("resources.type", &[S3_OBJECT])];
        assert_eq!(advanced(&[&base]).object_data(bucket).reads, all());
        let mut arn = field("resources.ARN", &[]);
        arn.starts_with = vec!["arn:aws:s3:::b/".to_owned()];
        let with = |more: FieldSelector| {
            let fields = [base[0].clone(), base[1].clone(), more];
            advanced(&[&fields]).object_data(bucket)
        };
        assert_eq!(with(arn.clone()).reads, all());
        arn.starts_with = vec!["arn:aws:s3:::other/".to_owned()];
        assert_eq!(with(arn).reads, Recorded::None);
        let writes = with(field("readOnly", &["false"]));
        assert_eq!((writes.reads, writes.writes), (Recorded::None, all()));
        assert_eq!(
            with(field("eventName", &["PutObject"])).reads,
            Recorded::Narrowed { sources: false }
        );
    }
}
