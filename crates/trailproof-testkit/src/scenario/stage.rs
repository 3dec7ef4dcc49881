//! One scenario and its setup: the trail, the server's options and the caller's arguments.
#![expect(clippy::expect_used, reason = "a deed without its target is a mistake in a scenario")]
use crate::server::{AccessRules, FaultPlan, LoopbackServer, ServerOptions};
use crate::trail::{BuiltTrail, Deed, DigestAt, LogAt, TrailBuilder, TrailSpec};
use crate::world::World;
use std::io;
use std::sync::Arc;

/// A placeholder in arguments and environment for the server's address, which is known once it
/// runs.
const ENDPOINT: &str = "{endpoint}";

/// One scenario. Its world is built on demand and is the same each time.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, in kebab case.
    pub name: &'static str,
    stage: fn() -> Stage,
}

impl Scenario {
    pub(super) const fn new(name: &'static str, stage: fn() -> Stage) -> Self {
        Self { name, stage }
    }

    /// Builds the world.
    pub fn stage(&self) -> Stage {
        (self.stage)()
    }
}

/// One world, how it is served, and the arguments for both programs.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The trail, with all deeds done to it.
    pub trail: BuiltTrail,
    /// The behaviour of the server.
    pub options: ServerOptions,
    /// Whether the AWS CLI never finishes here, so that it is stopped after a time limit.
    pub endless_for_aws: bool,
    arguments: Vec<(&'static str, Option<String>)>,
    environment: Vec<(&'static str, Option<String>)>,
}

impl Stage {
    /// Creates a stage with one trail, validated from 2026-03-01 to the end of its newest digest.
    pub(super) fn of(spec: TrailSpec) -> Self {
        Self::among(spec, [])
    }

    /// Creates a stage with a trail and others in the same world.
    pub(super) fn among(spec: TrailSpec, others: impl IntoIterator<Item = TrailSpec>) -> Self {
        let arn = spec.arn();
        let builder = TrailBuilder::new().trail(spec.clone());
        let trail = others.into_iter().fold(builder, TrailBuilder::trail).build();
        let stage = Self {
            trail,
            options: ServerOptions::default(),
            endless_for_aws: false,
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        let end = crate::trail::location::iso(spec.start + i64::from(spec.hours) * 3600);
        stage.set("--trail-arn", &arn).times("2026-03-01T00:00:00Z", &end)
    }

    /// Creates six hours of one account and region, with two log files an hour: digest 0 is the
    /// starting one, digest `n` ends at `n` hours, four minutes and eleven seconds of 2026-03-01.
    pub(super) fn plain() -> Self {
        Self::of(TrailSpec::new().hours(6))
    }

    /// Creates the plain trail with one deed done to it.
    pub(super) fn done(deed: Deed) -> Self {
        Self::plain().deeds(&[deed])
    }

    /// Applies deeds.
    #[must_use]
    pub(super) fn deeds(mut self, deeds: &[Deed]) -> Self {
        self.trail.apply_all(deeds).expect("every deed has a target");
        self
    }

    /// Changes the world in ways for which there is no deed.
    #[must_use]
    pub(super) fn world(mut self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.trail.world);
        self
    }

    /// Sets the period.
    #[must_use]
    pub(super) fn times(self, start: &str, end: &str) -> Self {
        self.set("--start-time", start).set("--end-time", end)
    }

    /// Sets this option, replacing its previous value.
    #[must_use]
    pub(super) fn set(mut self, option: &'static str, value: &str) -> Self {
        self = self.without(option);
        self.arguments.push((option, Some(value.to_owned())));
        self
    }

    /// Sets this option, which takes no value.
    #[must_use]
    pub(super) fn flag(mut self, option: &'static str) -> Self {
        self.arguments.push((option, None));
        self
    }

    /// Sets `--verbose`.
    #[must_use]
    pub(super) fn verbose(self) -> Self {
        self.flag("--verbose")
    }

    /// Removes this option.
    #[must_use]
    pub(super) fn without(mut self, option: &str) -> Self {
        self.arguments.retain(|(name, _)| *name != option);
        self
    }

    /// Sets this environment variable, or removes it.
    #[must_use]
    pub(super) fn env(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.environment.push((name, value.map(str::to_owned)));
        self
    }

    /// Sets the faults, which may refer to the trail's keys.
    #[must_use]
    pub(super) fn faults(mut self, plan: impl FnOnce(&Self) -> FaultPlan) -> Self {
        self.options.faults = plan(&self);
        self
    }

    /// Sets the permissions.
    #[must_use]
    pub(super) fn access(mut self, access: AccessRules) -> Self {
        self.options.access = access;
        self
    }

    /// Changes the options of the server.
    #[must_use]
    pub(super) fn served(mut self, change: impl FnOnce(&mut ServerOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Records that the AWS CLI never finishes here.
    #[must_use]
    pub(super) fn endless_for_aws(mut self) -> Self {
        self.endless_for_aws = true;
        self
    }

    /// Returns the key of a digest of the first chain.
    pub(super) fn digest_key(&self, index: usize) -> String {
        let digest = self.trail.chains.first().and_then(|chain| chain.digests.get(index));
        digest.expect("the scenario names an existing digest").key.clone()
    }

    /// Returns the key of a log file that a digest of the first chain names.
    pub(super) fn log_key(&self, index: usize, log: usize) -> String {
        let digest = self.trail.chains.first().and_then(|chain| chain.digests.get(index));
        let log = digest.and_then(|digest| digest.logs.get(log));
        log.expect("the scenario names an existing log file").key.clone()
    }

    /// Serves the world; this determines the missing part of the arguments and the environment.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is available.
    pub fn serve(&self) -> io::Result<LoopbackServer> {
        LoopbackServer::start(Arc::new(self.trail.world.clone()), self.options.clone())
    }

    /// Returns the arguments of `validate-logs`.
    pub fn arguments(&self, endpoint: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        for (option, value) in &self.arguments {
            arguments.push((*option).to_owned());
            arguments.extend(value.as_ref().map(|value| value.replace(ENDPOINT, endpoint)));
        }
        arguments
    }

    /// Returns the environment in which a program finds the server and nothing else of AWS: `empty`
    /// is the path of an empty file.
    pub fn environment(&self, endpoint: &str, empty: &str) -> Vec<(String, String)> {
        let mut variables: Vec<(&str, String)> = vec![
            ("AWS_ENDPOINT_URL_S3", endpoint.to_owned()),
            ("AWS_ENDPOINT_URL_CLOUDTRAIL", endpoint.to_owned()),
            ("AWS_ENDPOINT_URL_ORGANIZATIONS", endpoint.to_owned()),
            ("AWS_ENDPOINT_URL_STS", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", empty.to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", empty.to_owned()),
        ];
        for (name, value) in &self.environment {
            variables.retain(|(known, _)| known != name);
            variables
                .extend(value.as_ref().map(|value| (*name, value.replace(ENDPOINT, endpoint))));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Returns the position of a digest in the first chain.
pub(super) fn digest(index: usize) -> DigestAt {
    DigestAt { chain: 0, index }
}

/// Returns the position of a log file that a digest of the first chain names.
pub(super) fn log(index: usize, log: usize) -> LogAt {
    LogAt { digest: digest(index), log }
}
