//! Explaining events that a part of a run keeps for the end of the whole run.
use super::parts::{ChainShape, ExplainingShape, Text, Time};
use super::unreadable::Unreadable;
use crate::trail_event::{Cause, DeliveryPolicy, Effect, KeyName, NamedTrail, Subject};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One effect of an event in a verified log file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CauseShape<'a> {
    #[serde(borrow)]
    subject: SubjectShape<'a>,
    effect: EffectShape,
    #[serde(borrow)]
    explained_by: ExplainingShape<'a>,
    #[serde(borrow)]
    recorded_in: Text<'a>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EffectShape {
    Stops,
    Ends,
    Begins,
    Resumes,
    Removes,
    MayStop,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SubjectShape<'a> {
    #[serde(borrow)]
    Trail(TrailShape<'a>),
    TrailNotAt {
        #[serde(borrow)]
        trail: TrailShape<'a>,
        #[serde(borrow)]
        bucket: Option<Text<'a>>,
        #[serde(borrow)]
        prefix: Option<Text<'a>>,
    },
    #[serde(borrow)]
    TrailElsewhere(TrailShape<'a>),
    #[serde(borrow)]
    TrailMembers(TrailShape<'a>),
    #[serde(borrow)]
    Bucket(Text<'a>),
    NotLet {
        #[serde(borrow)]
        bucket: Text<'a>,
        #[serde(borrow)]
        policy: Option<Text<'a>>,
    },
    Objects {
        #[serde(borrow)]
        bucket: Text<'a>,
        #[serde(borrow)]
        prefix: Text<'a>,
        days: u32,
    },
    Digest {
        #[serde(borrow)]
        chain: ChainShape<'a>,
        end: Time,
    },
    #[serde(borrow)]
    Key(KeyNameShape<'a>),
    #[serde(borrow)]
    Account(Text<'a>),
    #[serde(borrow)]
    Member(Text<'a>),
    #[serde(borrow)]
    Members(Option<Text<'a>>),
    Region {
        #[serde(borrow)]
        account: Text<'a>,
        #[serde(borrow)]
        region: Text<'a>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TrailShape<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    home_region: Text<'a>,
    #[serde(borrow)]
    owner: Text<'a>,
}

/// A KMS key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyNameShape<'a> {
    #[serde(borrow)]
    region: Text<'a>,
    #[serde(borrow)]
    account: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
}

impl<'a> From<&'a KeyName> for KeyNameShape<'a> {
    fn from(key: &'a KeyName) -> Self {
        let (region, account, id) = key.parts();
        Self { region: region.into(), account: account.into(), id: id.into() }
    }
}

impl From<KeyNameShape<'_>> for KeyName {
    fn from(shape: KeyNameShape<'_>) -> Self {
        Self::new(shape.region, shape.account, shape.id)
    }
}

impl<'a> From<&'a NamedTrail> for TrailShape<'a> {
    fn from(trail: &'a NamedTrail) -> Self {
        Self {
            name: trail.name.as_str().into(),
            home_region: trail.home.as_str().into(),
            owner: trail.owner.as_str().into(),
        }
    }
}

fn id<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|_| Unreadable::value("kept-event", field))
}

impl TryFrom<TrailShape<'_>> for NamedTrail {
    type Error = Unreadable;

    fn try_from(shape: TrailShape<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            name: id(&shape.name, "name")?,
            home: id(&shape.home_region, "home_region")?,
            owner: id(&shape.owner, "owner")?,
        })
    }
}

impl<'a> From<&'a Subject> for SubjectShape<'a> {
    fn from(subject: &'a Subject) -> Self {
        match subject {
            Subject::Trail(trail) => Self::Trail(trail.into()),
            Subject::TrailNotAt { trail, bucket, prefix } => Self::TrailNotAt {
                trail: trail.into(),
                bucket: bucket.as_deref().map(Into::into),
                prefix: prefix.as_deref().map(Into::into),
            },
            Subject::TrailElsewhere(trail) => Self::TrailElsewhere(trail.into()),
            Subject::TrailMembers(trail) => Self::TrailMembers(trail.into()),
            Subject::Bucket(bucket) => Self::Bucket(bucket.into()),
            Subject::NotLet { bucket, policy } => {
                Self::NotLet { bucket: bucket.into(), policy: policy.json().map(Into::into) }
            }
            Subject::Objects { bucket, prefix, days } => {
                Self::Objects { bucket: bucket.into(), prefix: prefix.into(), days: *days }
            }
            Subject::Digest { chain, end } => {
                Self::Digest { chain: chain.as_ref().into(), end: Time(*end) }
            }
            Subject::Key(key) => Self::Key(key.into()),
            Subject::Account(account) => Self::Account(account.as_str().into()),
            Subject::Member(account) => Self::Member(account.as_str().into()),
            Subject::Members(organization) => {
                Self::Members(organization.as_ref().map(|id| id.as_str().into()))
            }
            Subject::Region(account, region) => {
                Self::Region { account: account.as_str().into(), region: region.as_str().into() }
            }
        }
    }
}

impl TryFrom<SubjectShape<'_>> for Subject {
    type Error = Unreadable;

    fn try_from(shape: SubjectShape<'_>) -> Result<Self, Unreadable> {
        Ok(match shape {
            SubjectShape::Trail(trail) => Self::Trail(trail.try_into()?),
            SubjectShape::TrailNotAt { trail, bucket, prefix } => Self::TrailNotAt {
                trail: trail.try_into()?,
                bucket: bucket.map(Cow::into_owned),
                prefix: prefix.map(Cow::into_owned),
            },
            SubjectShape::TrailElsewhere(trail) => Self::TrailElsewhere(trail.try_into()?),
            SubjectShape::TrailMembers(trail) => Self::TrailMembers(trail.try_into()?),
            SubjectShape::Bucket(bucket) => Self::Bucket(bucket.into_owned()),
            SubjectShape::NotLet { bucket, policy } => {
                let policy = DeliveryPolicy::from_json(policy.map(Cow::into_owned));
                let policy = policy.ok_or_else(|| Unreadable::value("kept-event", "policy"))?;
                Self::NotLet { bucket: bucket.into_owned(), policy }
            }
            SubjectShape::Objects { bucket, prefix, days } => {
                Self::Objects { bucket: bucket.into_owned(), prefix: prefix.into_owned(), days }
            }
            SubjectShape::Digest { chain, end } => {
                Self::Digest { chain: Box::new(chain.try_into()?), end: end.0 }
            }
            SubjectShape::Key(key) => Self::Key(key.into()),
            SubjectShape::Account(account) => Self::Account(id(&account, "account")?),
            SubjectShape::Member(account) => Self::Member(id(&account, "member")?),
            SubjectShape::Members(organization) => {
                Self::Members(organization.as_deref().map(|text| id(text, "members")).transpose()?)
            }
            SubjectShape::Region { account, region } => {
                Self::Region(id(&account, "account")?, id(&region, "region")?)
            }
        })
    }
}

impl<'a> From<&'a Cause> for CauseShape<'a> {
    fn from(cause: &'a Cause) -> Self {
        Self {
            subject: (&cause.subject).into(),
            effect: match cause.effect {
                Effect::Stops => EffectShape::Stops,
                Effect::Ends => EffectShape::Ends,
                Effect::Begins => EffectShape::Begins,
                Effect::Resumes => EffectShape::Resumes,
                Effect::Removes => EffectShape::Removes,
                Effect::MayStop => EffectShape::MayStop,
            },
            explained_by: (&cause.event).into(),
            recorded_in: Cow::Borrowed(cause.recorded_in.as_str()),
        }
    }
}

impl TryFrom<CauseShape<'_>> for Cause {
    type Error = Unreadable;

    fn try_from(shape: CauseShape<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            subject: shape.subject.try_into()?,
            effect: match shape.effect {
                EffectShape::Stops => Effect::Stops,
                EffectShape::Ends => Effect::Ends,
                EffectShape::Begins => Effect::Begins,
                EffectShape::Resumes => Effect::Resumes,
                EffectShape::Removes => Effect::Removes,
                EffectShape::MayStop => Effect::MayStop,
            },
            event: shape.explained_by.into(),
            recorded_in: id(&shape.recorded_in, "recorded_in")?,
        })
    }
}
