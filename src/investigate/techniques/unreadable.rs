//! Objects that are there and cannot be read: their key is withheld, or they are in an archive.
use super::ledger::{Cause, Effect, Judge};
use crate::investigate::facts::{Affected, Trouble};
use trailproof_core::codes::technique::{Confidence, Raise, Technique, Witness};
use trailproof_core::trail_event::Act;

impl Judge<'_> {
    /// Judges an object whose key cannot be used. Only a call about that very key names anybody, and only one
    /// that leads to such a refusal.
    pub(super) fn withheld(&mut self, affected: &Affected) -> usize {
        let refusal = match &affected.trouble {
            Trouble::Unread(why) => Refused::of(&why.detail),
            Trouble::Finding(_) => Refused::Unclear,
        };
        let name = |at: usize| self.facts.events.get(at).map(|event| event.event.name.as_str());
        let matters = |at: usize| name(at).is_some_and(|name| refusal.may_follow(name));
        let key = affected.kms_key.as_ref();
        let at = key.and_then(|key| self.index.withheld(key, self.facts.events, matters));
        let sure = match refusal {
            // Whether a policy or a grant refuses this very reader is not compared.
            Refused::ByPolicy | Refused::Unclear => Confidence::Likely,
            _ => Confidence::Shown,
        };
        self.stored_away(affected, Technique::KeyWithheld, at.map(|at| (at, sure)))
    }

    pub(super) fn archived(&mut self, affected: &Affected) -> usize {
        let rule = self.rule_for(affected, Act::Archives).map(|(rule, _)| {
            let thorough = affected.time.is_some_and(|time| rule.is_thorough(time, self.facts.now));
            let sure = thorough && rule.is_settled(None);
            let sure = if sure { Confidence::Shown } else { Confidence::Likely };
            (rule.event, sure, rule.told())
        });
        let by = rule.as_ref().map(|(at, sure, _)| (*at, *sure));
        let number = self.stored_away(affected, Technique::ArchiveHidden, by);
        if let Some((.., rule)) = rule {
            self.by_rule(number, rule);
        }
        number
    }

    /// Explains an object that is there and cannot be read by an event, or else by the store.
    fn stored_away(
        &mut self,
        affected: &Affected,
        technique: Technique,
        by: Option<(usize, Confidence)>,
    ) -> usize {
        let at = by.map(|(at, _)| at);
        let id = at.and_then(|at| self.facts.events.get(at)).map(|event| event.event.id.clone());
        let otherwise = match technique {
            Technique::ArchiveHidden => Confidence::Likely,
            _ => Confidence::Possible,
        };
        self.add(Effect {
            technique,
            confidence: by.map_or(otherwise, |(_, confidence)| confidence),
            witness: if at.is_some() { Witness::Proven } else { Witness::Store },
            cause: id.map_or(Cause::Unknown(0), Cause::Event),
            event: at,
            chain: Some(&affected.chain),
            time: affected.time.map(|time| (time, time)),
            object: Some(&affected.at),
            alternatives: &[],
            raise: match at {
                Some(_) => Vec::new(),
                None => vec![Raise::OtherPlaces, Raise::EventHistory],
            },
        })
    }
}

/// Why KMS refuses to use a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// A policy or a grant does not allow it.
    ByPolicy,
    /// The key is disabled.
    Disabled,
    /// The deletion of the key is scheduled.
    PendingDeletion,
    /// The key has no material.
    PendingImport,
    /// There is no such key any more.
    NotThere,
    /// The refusal does not say.
    Unclear,
}

impl Refused {
    /// Returns what a refusal says. A denial lists what may be the case, so it comes first.
    fn of(detail: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        if says(&["not authorized to perform", "AccessDenied"]) {
            Self::ByPolicy
        } else if says(&["DisabledException", "is disabled"]) {
            Self::Disabled
        } else if says(&["pending deletion"]) {
            Self::PendingDeletion
        } else if says(&["pending import"]) {
            Self::PendingImport
        } else if says(&["NotFoundException", "does not exist"]) {
            Self::NotThere
        } else {
            Self::Unclear
        }
    }

    /// Returns whether a call of this name leads to the refusal, or ends it.
    fn may_follow(self, name: &str) -> bool {
        match self {
            Self::ByPolicy => matches!(name, "PutKeyPolicy" | "RevokeGrant" | "RetireGrant"),
            Self::Disabled => matches!(name, "DisableKey" | "EnableKey"),
            Self::PendingDeletion => matches!(name, "ScheduleKeyDeletion" | "CancelKeyDeletion"),
            Self::PendingImport => {
                matches!(name, "DeleteImportedKeyMaterial" | "ImportKeyMaterial")
            }
            Self::NotThere => {
                matches!(name, "ScheduleKeyDeletion" | "CancelKeyDeletion" | "DeleteKey")
            }
            Self::Unclear => true,
        }
    }
}

/// Kinds of policies of a caller, as refusals of KMS name them. The key's own policy is not one.
const OF_CALLER: [&str; 5] = [
    "identity-based policy",
    "session policy",
    "permissions boundary",
    "service control policy",
    "VPC endpoint policy",
];

/// Returns whether a refusal of KMS is about the permissions of the caller.
pub(super) fn is_of_caller(detail: &str) -> bool {
    OF_CALLER.iter().any(|policy| detail.contains(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What KMS answers, and the calls that lead to it. A call about the key that does something else is not
    /// the cause.
    #[test]
    fn a_refusal_follows_the_calls_that_lead_to_it() {
        let arn = "arn:aws:kms:us-east-1:111122223333:key/1";
        let denied = "AccessDenied: User: arn:aws:iam::111122223333:user/auditor is not authorized to \
                      perform: kms:Decrypt on the resource associated with this ciphertext because the \
                      resource does not exist in this Region, no resource-based policies allow access, \
                      or a resource-based policy explicitly denies access";
        let calls = [
            "DisableKey",
            "ScheduleKeyDeletion",
            "DeleteImportedKeyMaterial",
            "PutKeyPolicy",
            "RevokeGrant",
            "DeleteKey",
        ];
        for (detail, expected) in [
            (format!("KMS.DisabledException: {arn} is disabled."), &["DisableKey"][..]),
            (
                format!("KMS.KMSInvalidStateException: {arn} is pending deletion."),
                &["ScheduleKeyDeletion"],
            ),
            (
                format!("KMS.KMSInvalidStateException: {arn} is pending import."),
                &["DeleteImportedKeyMaterial"],
            ),
            (
                format!("KMS.NotFoundException: Key '{arn}' does not exist"),
                &["ScheduleKeyDeletion", "DeleteKey"],
            ),
            (denied.to_owned(), &["PutKeyPolicy", "RevokeGrant"]),
            ("KMS.InternalException".to_owned(), &calls),
        ] {
            let refused = Refused::of(&detail);
            let found = calls.into_iter().filter(|call| refused.may_follow(call));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{detail}");
        }
        assert!(is_of_caller("because no identity-based policy allows the kms:Decrypt action"));
        assert!(!is_of_caller(denied));
    }
}
