//! All cases on one server, and the results of `verify` over it.
use super::*;

/// The cases, and the output of `verify` over the network for each: for the bucket itself, and for
/// the model of its copy.
pub(super) struct Stage {
    pub(super) cases: Vec<Case>,
    pub(super) server: LoopbackServer,
    pub(super) whole: Vec<Output>,
    pub(super) model: Vec<Output>,
}

pub(super) static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let _ = fs::remove_dir_all(scratch("keys"));
    fs::create_dir_all(scratch("keys")).unwrap();
    let all = std::iter::once(None).chain(deeds().into_iter().map(Some));
    let cases: Vec<Case> =
        all.enumerate().filter_map(|(number, deed)| case(number, deed)).collect();
    let (mut whole, mut model) = (World::default(), World::default());
    for case in &cases {
        for (world, copied) in [(&mut whole, false), (&mut model, true)] {
            let bucket = world.buckets.entry(BUCKET.to_owned());
            let into = bucket.or_insert_with(|| Bucket::new("us-east-1"));
            let from = &case.trail.world.buckets[BUCKET];
            for key in from.objects.keys() {
                let Some(mut version) = from.current(key).cloned() else { continue };
                let archived =
                    ["GLACIER", "DEEP_ARCHIVE"].contains(&version.storage_class.as_str());
                if copied && archived {
                    continue;
                }
                if copied {
                    version.metadata.clear();
                }
                into.put(key, version);
            }
        }
    }
    let server = LoopbackServer::start(whole, ServerOptions::default()).unwrap();
    let copied = LoopbackServer::start(model, ServerOptions::default()).unwrap();
    let online = |server: &LoopbackServer| {
        let location = |case: &Case| format!("s3://{BUCKET}/{}", case.prefix);
        side_by_side(&cases, |case| verify(case, &location(case), Some(&server.endpoint())))
    };
    let (whole, model) = (online(&server), online(&copied));
    Stage { whole, model, server, cases }
});

/// Runs `work` on each case, two at a time, and returns the results in the order of the cases.
pub(super) fn side_by_side(cases: &[Case], work: impl Fn(&Case) -> Output + Sync) -> Vec<Output> {
    let (next, done) = (Mutex::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some(case) = cases.get(at) else { return };
                    let output = work(case);
                    done.lock().unwrap().insert(at, output);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}
