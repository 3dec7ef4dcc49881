//! A fact about a configuration, and why a fact is not known.
use super::operation::Operation;
use std::cell::Cell;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A fact about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// The value was read.
    Known(T),
    /// The value is not there yet, but what it will refer to was read: a plan names the resource.
    ByReference(T),
    /// The place was read, and nothing is configured there.
    Absent,
    /// The value was not read.
    Unread(Unread),
}

/// A fact that was not read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The operation that reads it.
    pub operation: Operation,
    /// Why it was not read.
    pub why: UnreadWhy,
    /// What the service or the input reports, in its own words; may be empty.
    pub detail: String,
}

/// Why a fact is not known. It says nothing about the configuration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum UnreadWhy {
    /// Nothing asked for it: the mode does not read it, or a file was not given.
    NotAsked,
    /// The service denied access.
    Denied,
    /// The service answered that there were too many requests, after all retries.
    Throttled,
    /// The service could not be reached, or its answer could not be read.
    Failed,
    /// The service knows no such resource.
    NotFound,
    /// What was read does not have the form that the service or tool documents.
    Malformed,
    /// What was read exceeds a limit.
    OverBudget,
    /// The value is known only after the plan is applied.
    UnknownUntilApplied,
    /// The resource is not part of the input, and its owner may configure it elsewhere.
    NotInInput,
    /// The answer does not have it. S3 leaves locks out for a caller who is not allowed to read them, so
    /// that an object that is locked looks like one that is not.
    NotShown,
    /// The input does not state the ARN of the trail, so that no run record can be held to it.
    TrailNotIdentified,
    /// The run record is of a bucket to which the trail does not deliver.
    RecordOfOtherBucket,
    /// The run record has no chain of the trail.
    RecordOfOtherTrail,
    /// The run read a replica, whose objects are stored in their own way.
    RecordOfReplica,
    /// The run left out, or could not list, a part of what the trail delivers.
    RecordIncomplete,
}

impl UnreadWhy {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl Unread {
    /// Returns that `operation` did not give the fact.
    pub fn new(operation: Operation, why: UnreadWhy) -> Self {
        Self { operation, why, detail: String::new() }
    }
}

impl<T> Fact<T> {
    /// Returns a fact that `operation` would give and that was not read.
    pub fn unread(operation: Operation, why: UnreadWhy) -> Self {
        Self::Unread(Unread::new(operation, why))
    }

    /// Returns the value, or [`Fact::Absent`].
    pub fn of(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }

    /// Returns the value if it was read.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known(value) | Self::ByReference(value) => Some(value),
            Self::Absent | Self::Unread(_) => None,
        }
    }

    /// Returns whether the value was not read.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Unread(_))
    }

    /// Returns the fact about what `f` makes of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(f(value)),
            Self::ByReference(value) => Fact::ByReference(f(value)),
            Self::Absent => Fact::Absent,
            Self::Unread(unread) => Fact::Unread(unread),
        }
    }
}

/// Reads facts for one judgement, and records whether one was read by reference.
#[derive(Debug, Default)]
pub struct Reader {
    by_reference: Cell<bool>,
}

impl Reader {
    /// Returns the value, or `None` if nothing is configured.
    ///
    /// # Errors
    ///
    /// The fact was not read.
    pub fn read<'a, T>(&self, fact: &'a Fact<T>) -> Result<Option<&'a T>, Unread> {
        match fact {
            Fact::Known(value) => Ok(Some(value)),
            Fact::ByReference(value) => {
                self.by_reference.set(true);
                Ok(Some(value))
            }
            Fact::Absent => Ok(None),
            Fact::Unread(unread) => Err(unread.clone()),
        }
    }

    /// Returns the value of a switch. One that is not configured is off.
    ///
    /// # Errors
    ///
    /// The fact was not read.
    pub fn on(&self, fact: &Fact<bool>) -> Result<bool, Unread> {
        Ok(self.read(fact)?.copied().unwrap_or_default())
    }

    /// Returns whether a fact was read by reference.
    pub fn by_reference(&self) -> bool {
        self.by_reference.get()
    }
}
