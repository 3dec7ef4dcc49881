//! The words for the codes of packages, in one place.
use super::document::{ControlState, Role, Slot, SlotStatus};

/// Returns the title of a part.
pub(super) fn slot(slot: Slot) -> &'static str {
    match slot {
        Slot::TrailConfiguration => "Trail configuration",
        Slot::Integrity => "Integrity and completeness",
        Slot::Immutability => "Immutability",
        Slot::Review => "Review trail",
        Slot::ContinuousConfiguration => "Continuous evaluation of the configuration",
        Slot::AwsSide => "Reports of AWS",
    }
}

/// Returns what a part answers.
pub(super) fn question(slot: Slot) -> &'static str {
    match slot {
        Slot::TrailConfiguration => {
            "Is the trail configured so that its logs can be evidence? Checks of the trail, its \
             bucket, its key and its organization."
        }
        Slot::Integrity => {
            "Was anything changed, removed or not delivered? Every digest and log file of the period, \
             verified by signature and hash."
        }
        Slot::Immutability => {
            "Could anybody have deleted or changed a file? The lock and lifecycle of the bucket, and \
             how each object of the period is stored."
        }
        Slot::Review => {
            "Did people look at the logs? Detections and tickets, as they were handed in: their \
             population is that of their source, and no check of trailproof covers it. Hold them \
             against the events that a review should have seen, where these are listed."
        }
        Slot::ContinuousConfiguration => {
            "Did the configuration hold throughout the period? Evaluations by AWS Config, as they \
             were handed in."
        }
        Slot::AwsSide => {
            "What does AWS prove about itself? Reports that its terms may not allow to pass on are \
             named, with the place where they are."
        }
    }
}

/// Returns what a part holds.
pub(super) fn slot_status(status: SlotStatus) -> &'static str {
    match status {
        SlotStatus::Provided => "provided",
        SlotStatus::PointedAt => "named, not in the package",
        SlotStatus::NotProvided => "not provided",
    }
}

/// Returns what a file is.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Record => "Run record: every judgement of the run",
        Role::Attestation => "Attestation: the signed statement about the record",
        Role::TrailConfig => "Result of trail-config",
        Role::ReviewEvents => "Verified events that a review should have seen",
        Role::Attachment => "Attachment",
        Role::Report => "Report of the run",
        Role::Summary => "Summary of the run, for programs",
        Role::TrailConfigPage => "Page of a result of trail-config",
        Role::Immutability => "Checks of lock and lifecycle, and how the objects are stored",
        Role::Controls => "Controls matrix, for a spreadsheet",
        Role::AssessmentResults => "Assessment results in OSCAL, for programs",
    }
}

/// Returns how a file came into the package.
pub(super) fn made(role: Role) -> &'static str {
    match role {
        Role::Record => "copied, and checked: order, counts, coverage and verdict were recomputed",
        Role::Attestation => "copied, and compared with the record",
        Role::TrailConfig => "copied, as `trail-config --format json` wrote it",
        Role::ReviewEvents => "copied, as `events --review --format json` wrote it",
        Role::Attachment => "copied unread",
        Role::Report | Role::Summary => "made from the record",
        Role::TrailConfigPage => "made from the result",
        Role::Immutability => "made from the record and the results",
        Role::Controls | Role::AssessmentResults => "made from the results",
    }
}

/// Returns the state of a control.
pub(super) fn control(state: ControlState) -> &'static str {
    match state {
        ControlState::Satisfied => "every check passes",
        ControlState::NotSatisfied => "a check FAILS",
        ControlState::Undecided => "not decided",
        ControlState::NotApplicable => "does not apply",
    }
}

/// Returns what a verdict means, in a sentence.
pub(super) fn verdict(verdict: &str) -> &'static str {
    match verdict {
        "proven" => {
            "Everything that was named, expected and found in the period is proven: every digest, \
             every log file, without a hole."
        }
        "contradicted" => "The evidence contradicts something. The report names each finding.",
        "not proven" => {
            "Nothing is contradicted, and not everything is proven. The report names what is not."
        }
        "nothing found" => "There was nothing to verify.",
        _ => "This version does not know the verdict.",
    }
}

/// Returns the name of a reconciled count.
pub(super) fn reconciled(what: &str) -> &str {
    match what {
        "log-files" => "Log files that proven digests name",
        "coverage-seconds" => "Seconds of the period, over all chains",
        other => other,
    }
}
