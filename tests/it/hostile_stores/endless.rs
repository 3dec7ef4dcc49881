//! Stores whose listings are huge or endless.
use super::*;

/// A source that invents the listings of one folder.
#[derive(Debug)]
struct MadeUp {
    /// Returns the keys on a page of the folder, given the prefix and the page number.
    page: fn(&str, usize) -> Vec<String>,
    pages: AtomicUsize,
    /// Answers everything outside of the folder.
    below: WorldSource,
    folder: String,
    last: usize,
}

impl ObjectSource for MadeUp {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        if request.folders || !request.prefix.starts_with(&self.folder) {
            return self.below.list(request);
        }
        Box::pin(async move {
            self.pages.fetch_add(1, Ordering::Relaxed);
            let at = request.continuation.as_deref().map_or(0, |text| text.parse().unwrap());
            let after = request.start_after.as_deref().unwrap_or_default();
            let keys = (self.page)(&request.prefix, at);
            let keys = keys.into_iter().filter(|key| key.as_str() > after);
            let objects = keys
                .map(|key| Listed {
                    key,
                    size: 1,
                    etag: None,
                    last_modified: None,
                    archived: false,
                })
                .collect();
            let next = (at < self.last).then(|| (at + 1).to_string());
            Ok(ListPage { objects, folders: Vec::new(), next })
        })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        self.below.open(at, from)
    }
}

fn folder(trail: &BuiltTrail, name: &str) -> String {
    let bucket = &trail.world.buckets[BUCKET];
    let key = bucket.objects.keys().find(|key| key.contains(&format!("/{name}/"))).unwrap();
    let (account, rest) = key.split_once(&format!("/{name}/")).unwrap();
    format!("{account}/{name}/{}/", rest.split('/').next().unwrap())
}

fn over(made_up: MadeUp, trail: &BuiltTrail) -> (RunSummary, Vec<RunEvent>) {
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut events = Vec::new();
    let summary = runtime.block_on(verify(&plan(trail), Arc::new(made_up), keys, &mut |event| {
        events.push(event.clone());
    }));
    (summary, events)
}

/// Returns the peak resident memory of this process in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// A million keys in a digest folder that are not digest keys are skipped and not kept.
#[test]
fn a_million_unrelated_keys_are_skipped_in_little_memory() {
    let trail = trail();
    let junk = |prefix: &str, at: usize| {
        (0..1_000)
            .map(|n| format!("{prefix}2026/03/01/junk-{at:06}-{n:04}{}", "x".repeat(100)))
            .collect()
    };
    let before = peak();
    let (summary, events) = over(
        MadeUp {
            page: junk,
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail-Digest"),
            last: 999,
        },
        &trail,
    );
    // The kernel counts in batches, so the value may even seem to fall if nothing was allocated.
    let grown = peak().saturating_sub(before) / 1_024;
    println!("1,000,000 unrelated keys: {grown} MiB more");
    assert!(grown < 60, "{grown} MiB");
    assert_ne!(summary.verdict, Verdict::Proven);
    assert!(summary.passed_over >= 1_000_000, "{summary:?}");
    assert!(!events.is_empty());
}

/// An endless listing becomes a read failure instead of a run without an end.
#[test]
fn an_endless_listing_is_abandoned() {
    let trail = trail();
    let (summary, events) = over(
        MadeUp {
            page: |prefix, at| vec![format!("{prefix}2026/03/01/junk-{at:09}")],
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail-Digest"),
            last: usize::MAX,
        },
        &trail,
    );
    assert_ne!(summary.verdict, Verdict::Proven);
    let unread = events.iter().any(|event| {
        matches!(event, RunEvent::ListingUnread { why, .. } if why.kind == ReadFailureKind::OverBudget)
    });
    assert!(unread, "{events:?}");
}

/// If a day's folder holds more unnamed log files than the limit, only the files up to the limit
/// are reported one by one.
#[test]
fn a_hundred_thousand_planted_log_files_are_reported_up_to_a_limit() {
    let trail = trail();
    let (summary, events) = over(
        MadeUp {
            page: |prefix, at| (0..1_000).map(|n| format!("{prefix}junk-{at:06}-{n:04}")).collect(),
            pages: AtomicUsize::new(0),
            below: WorldSource::new(&trail.world),
            folder: folder(&trail, "CloudTrail"),
            last: 500,
        },
        &trail,
    );
    let reported =
        events.iter().filter(|event| matches!(event, RunEvent::LogUnlisted { .. })).count();
    assert_eq!(reported, trailproof_core::vocab::budget::UNLISTED);
    let unread = events.iter().any(|event| {
        matches!(event, RunEvent::ListingUnread { why, .. } if why.kind == ReadFailureKind::OverBudget)
    });
    assert!(unread, "the rest must be reported as unknown");
    assert_eq!(summary.verdict, Verdict::NotProven);
}

/// A long period is listed in parts. Neither the page size nor the number of parts changes an
/// event, and no object is requested twice.
#[test]
fn a_long_period_gives_the_same_events_at_any_page_size() {
    let trail = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-01-01T00:04:11Z", 24 * 100)
        .logs(LogPlan::Constant(0), LogSizes::Small)
        .pause(24 * 20, 24 * 55, 0)
        .build();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut expected: Option<Vec<RunEvent>> = None;
    for page in [7, 100, 1_000] {
        let counts = Arc::new(Counts::default());
        let below = WorldSource { page, ..WorldSource::new(&trail.world) };
        let source: Arc<dyn ObjectSource> = Arc::new(Counted::new(below, Arc::clone(&counts)));
        let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
        let roots = runtime.block_on(find_roots(source.as_ref(), BUCKET, "")).unwrap().prefixes;
        assert_eq!(roots, [""]);
        let (mut events, unneeded) = (Vec::new(), Arc::new(AtomicU64::new(0)));
        let plan = plan(&trail);
        let summary =
            runtime.block_on(verify_counting(&plan, source, keys, &unneeded, &mut |event| {
                events.push(event.clone());
            }));
        let judged = summary.counts.digests.valid + summary.counts.digests.invalid;
        let gets = counts.now().gets;
        let unneeded = unneeded.load(Ordering::Relaxed);
        assert!(gets <= judged + unneeded + 8, "{gets} {judged} {unneeded}");
        let expected = expected.get_or_insert_with(|| events.clone());
        assert!(*expected == events, "pages of {page}");
    }
}
