//! The times for which a bundle has every key.
use crate::trust::KeyRecord;
use trailproof_core::vocab::time::{DAY, Timestamp};

/// First and last second of a time; both are included.
pub(super) type Stretch = (Timestamp, Timestamp);

/// CloudTrail makes a new key every 18 to 20 days; the longest of 1,580 real intervals is 21.3
/// days. If two keys begin further apart than this, the bundle lacks a key between them.
const NEXT_KEY: i64 = 22 * DAY;

/// Returns the times for which these keys are certainly all: from the first end of a validity to
/// the last start of one. The keys are a response of ListPublicKeys whose request was not recorded.
///
/// ListPublicKeys returns each key that is valid at some time in the requested span. So the span
/// begins no later than the first key ends, and ends no earlier than the last key begins. The
/// validities themselves extend further at both ends, and keys that are not in the response may
/// have signed there: a digest with a missing key would be contradicted falsely.
pub(super) fn certain(keys: &[KeyRecord]) -> Vec<Stretch> {
    let mut valid: Vec<Stretch> =
        keys.iter().filter_map(|key| key.valid_from.zip(key.valid_to)).collect();
    valid.sort();
    let mut stretches = Vec::new();
    // Several responses may have been joined: the time between them is not covered.
    for answer in valid.chunk_by(|one, next| next.0.unix() - one.0.unix() <= NEXT_KEY) {
        let from = answer.iter().map(|(_, to)| *to).min();
        let to = answer.iter().map(|(from, _)| *from).max();
        stretches.extend(from.zip(to).filter(|(from, to)| from < to));
    }
    stretches
}

/// Returns the same time as ascending stretches that do not touch.
pub(super) fn joined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.retain(|(from, to)| from <= to);
    stretches.sort();
    let mut joined: Vec<Stretch> = Vec::new();
    for (from, to) in stretches {
        match joined.last_mut() {
            Some(last) if from <= last.1.plus(1) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Returns the parts of the span that the stretches, which are joined, do not cover.
pub fn left_out(
    stretches: &[(Timestamp, Timestamp)],
    span: (Timestamp, Timestamp),
) -> Vec<(Timestamp, Timestamp)> {
    let mut open = Vec::new();
    let mut from = span.0;
    for (start, end) in stretches {
        if *start > from && from <= span.1 {
            open.push((from, span.1.min(start.plus(-1))));
        }
        from = from.max(end.plus(1));
    }
    if from <= span.1 {
        open.push((from, span.1));
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_unix(number * DAY)
    }

    fn key(start: i64) -> KeyRecord {
        KeyRecord {
            fingerprint: String::new(),
            der: Vec::new(),
            valid_from: Some(day(start)),
            valid_to: Some(day(start + 30)),
        }
    }

    fn days(stretches: &[Stretch]) -> Vec<(i64, i64)> {
        stretches.iter().map(|(from, to)| (from.unix() / DAY, to.unix() / DAY)).collect()
    }

    /// For any requested span and any joined responses: no time is called certain that has a key
    /// missing from the response.
    #[test]
    fn what_is_certain_lacks_no_key() {
        let all: Vec<i64> = (0..12).map(|n| n * 19 + n % 2).collect();
        for from in 0..200 {
            for length in 0..120 {
                let asked = |start: &i64| *start <= from + length && from <= start + 30;
                let had: Vec<i64> = all.iter().copied().filter(asked).collect();
                let keys: Vec<KeyRecord> = had.iter().map(|start| key(*start)).collect();
                for (first, last) in days(&certain(&keys)) {
                    assert!(from <= first && last <= from + length, "{from} {length}");
                }
            }
        }
        let apart = [key(0), key(19), key(38), key(100), key(119), key(138)];
        assert_eq!(days(&certain(&apart)), [(30, 38), (130, 138)]);
        assert_eq!(certain(&[key(0)]), []);
    }

    proptest::proptest! {
        /// Joined, stretches cover the same seconds, and what is left out is the rest of the span.
        #[test]
        fn no_second_is_gained_or_lost(
            stretches in proptest::collection::vec((0..30_i64, 0..30_i64), 0..8),
            span in (0..30_i64, 0..30_i64),
        ) {
            let at = |(from, to)| (Timestamp::from_unix(from), Timestamp::from_unix(to));
            let seconds = |stretches: &[Stretch]| -> BTreeSet<i64> {
                stretches.iter().flat_map(|(from, to)| from.unix()..=to.unix()).collect()
            };
            let stretches: Vec<Stretch> = stretches.into_iter().map(at).collect();
            let joined = joined(stretches.clone());
            proptest::prop_assert_eq!(seconds(&joined), seconds(&stretches));
            proptest::prop_assert!(joined.windows(2).all(|pair| pair[0].1.plus(1) < pair[1].0));
            let open: BTreeSet<i64> =
                (span.0..=span.1).filter(|second| !seconds(&joined).contains(second)).collect();
            proptest::prop_assert_eq!(seconds(&left_out(&joined, at(span))), open);
        }
    }

    #[test]
    fn stretches_are_joined_and_gaps_are_found() {
        let stretches = joined(vec![(day(5), day(6)), (day(1), day(3)), (day(2), day(4))]);
        assert_eq!(days(&stretches), [(1, 4), (5, 6)]);
        assert_eq!(days(&left_out(&stretches, (day(0), day(8)))), [(0, 0), (4, 4), (6, 8)]);
        assert_eq!(left_out(&stretches, (day(2), day(3))), []);
        assert_eq!(left_out(&[], (day(2), day(3))), [(day(2), day(3))]);
    }
}
