//! Strategies for any value that an event can hold.
use super::*;
use proptest::sample::Select;
use proptest::strategy::Union;

/// Returns a strategy for one of these values, mostly all variants of an enum.
pub(super) fn any_of<T: Clone + Debug + 'static>(values: impl Iterator<Item = T>) -> Select<T> {
    prop::sample::select(values.collect::<Vec<_>>())
}

/// Returns a strategy that generates with one of these.
pub(super) fn one_of<T: Debug>(
    strategies: impl Iterator<Item = BoxedStrategy<T>>,
) -> Union<BoxedStrategy<T>> {
    Union::new(strategies)
}

pub(super) fn text() -> impl Strategy<Value = String> {
    // Quotation marks, control characters, marks that change the writing direction, and letters
    // beyond the first plane.
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,8}",
        Just("\u{1b}]0;x\u{7}\n\r\t\"\\\u{2028}\u{202e}<script>\u{1f600}\0".to_owned()),
    ]
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_i64..=253_402_300_799).prop_map(Timestamp::from_unix)
}

pub(super) fn place() -> impl Strategy<Value = ObjectLocation> {
    (text(), text()).prop_map(|(bucket, key)| ObjectLocation { bucket, key })
}

pub(super) fn hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

pub(super) fn chain() -> impl Strategy<Value = ChainId> {
    ("[0-9]{12}", "[a-z]{2}-[a-z]{4}-[1-9]", "[A-Za-z0-9]{3,9}", any::<bool>()).prop_map(
        |(account, region, trail, organization)| ChainId {
            account: account.parse().unwrap(),
            source_region: region.parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: region.parse().unwrap(),
            organization: organization.then(|| "o-exampleorg1".parse().unwrap()),
        },
    )
}

pub(super) fn malformed() -> impl Strategy<Value = Malformed> {
    let fault = any_of(InflateFault::iter());
    let field = any_of(Malformed::FIELDS.into_iter());
    prop_oneof![
        fault.prop_map(Malformed::Gzip),
        Just(Malformed::CutShort),
        any::<u64>().prop_map(|bytes| Malformed::TrailingData { bytes }),
        Just(Malformed::Json),
        field.clone().prop_map(Malformed::FieldAbsent),
        (field, text()).prop_map(|(field, value)| Malformed::FieldInvalid { field, value }),
        Just(Malformed::BackfillTimeAbsent),
    ]
}

fn signature_fault() -> impl Strategy<Value = SignatureFault> {
    prop_oneof![
        Just(SignatureFault::Mismatch),
        Just(SignatureFault::OddHex),
        Just(SignatureFault::NotHex),
        Just(SignatureFault::Absent),
        text().prop_map(|fingerprint| SignatureFault::KeyUnreadable { fingerprint }),
    ]
}

/// Returns a strategy for any finding. A new variant of the enum does not compile until it is
/// handled here.
pub(super) fn finding() -> impl Strategy<Value = Finding> {
    one_of(FindingCode::iter().map(|code| {
        match code {
            FindingCode::DigestMissing => Just(Finding::DigestMissing).boxed(),
            FindingCode::LogMissing => Just(Finding::LogMissing).boxed(),
            FindingCode::DigestMalformed => malformed().prop_map(Finding::DigestMalformed).boxed(),
            FindingCode::LogMalformed => malformed().prop_map(Finding::LogMalformed).boxed(),
            FindingCode::DigestMoved => {
                place().prop_map(|recorded| Finding::DigestMoved { recorded }).boxed()
            }
            FindingCode::DigestSignatureInvalid => {
                signature_fault().prop_map(Finding::DigestSignatureInvalid).boxed()
            }
            FindingCode::DigestKeyUnknown => (text(), prop::option::of((time(), time())))
                .prop_map(|(fingerprint, none_between)| Finding::DigestKeyUnknown {
                    fingerprint,
                    none_between,
                })
                .boxed(),
            FindingCode::DigestLinkMismatch => (hash(), hash())
                .prop_map(|(expected, found)| Finding::DigestLinkMismatch { expected, found })
                .boxed(),
            FindingCode::DigestOutOfOrder => (time(), time())
                .prop_map(|(end, successor_end)| Finding::DigestOutOfOrder { end, successor_end })
                .boxed(),
            FindingCode::DigestDeliveredThenGone => (time(), prop::option::of(time()))
                .prop_map(|(delivered, newest)| Finding::DigestDeliveredThenGone {
                    delivered,
                    newest,
                })
                .boxed(),
            FindingCode::LogHashMismatch => (hash(), hash(), any::<bool>())
                .prop_map(|(expected, found, cut_short)| Finding::LogHashMismatch {
                    expected,
                    found,
                    cut_short,
                })
                .boxed(),
            FindingCode::LogTrailingData => {
                any::<u64>().prop_map(|bytes| Finding::LogTrailingData { bytes }).boxed()
            }
        }
    }))
}

pub(super) fn failure() -> impl Strategy<Value = ReadFailure> {
    (any_of(ReadFailureKind::iter()), any::<u32>(), text(), prop::option::of(text())).prop_map(
        |(kind, attempts, detail, request_id)| ReadFailure { kind, attempts, detail, request_id },
    )
}

pub(super) fn outcome<P: Debug>(
    valid: impl Strategy<Value = P> + 'static,
) -> impl Strategy<Value = Outcome<P>> {
    prop_oneof![
        valid.prop_map(Outcome::Valid),
        finding().prop_map(Outcome::Invalid),
        failure().prop_map(Outcome::Unverified),
    ]
}

pub(super) fn seen() -> impl Strategy<Value = ObjectFacts> {
    let option = || prop::option::of(text());
    let stored_as = prop::option::of(stored_as().prop_map(Box::new));
    (prop::option::of(any::<u64>()), prop::option::of(hash()), option(), option(), stored_as)
        .prop_map(|(stored, found, etag, version_id, stored_as)| ObjectFacts {
            stored,
            found,
            etag,
            version_id,
            stored_as,
        })
}

fn stored_as() -> impl Strategy<Value = StoredAs> {
    let codes = (
        prop::option::of(any_of(Encryption::iter())),
        prop::option::of(any_of(LockMode::iter())),
        prop::option::of(any_of(StorageClass::iter())),
        prop::option::of(any_of(Replication::iter())),
    );
    let times = (prop::option::of(time()), prop::option::of(time()));
    let rest = (prop::option::of(text()), any::<bool>(), any::<Option<bool>>());
    (codes, times, rest).prop_map(|(codes, times, (kms_key, bucket_key, legal_hold))| {
        let (encryption, lock_mode, storage_class, replication) = codes;
        let (retain_until, last_modified) = times;
        StoredAs {
            encryption,
            kms_key: kms_key.map(Into::into),
            bucket_key,
            lock_mode,
            retain_until,
            legal_hold,
            storage_class,
            replication,
            last_modified,
        }
    })
}
