//! What several modules of `it` share.
pub(crate) mod attest_room;
pub(crate) mod mirrors;
pub(crate) mod module_graph;
pub(crate) mod run_events;
pub(crate) mod worlds;

/// A test for each of several numbers, so that long ones run side by side: `by_seed!(run: name =
/// number, …)` makes tests `run::name` that call `run(number)`.
macro_rules! by_seed {
    ($run:ident: $($name:ident = $number:literal),+ $(,)?) => {
        mod $run {
            $(
                #[test]
                fn $name() {
                    super::$run($number);
                }
            )+
        }
    };
}
pub(crate) use by_seed;
