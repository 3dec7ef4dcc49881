//! Names of chains in a report: account, region and trail, and more if two chains of the run would
//! otherwise have the same name.
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::vocab::chain_id::ChainId;

/// The names of a run's chains.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainNames {
    /// Short names that more than one chain has.
    alike: BTreeSet<String>,
}

impl ChainNames {
    /// Returns the names for these chains, which may be repeated.
    pub(crate) fn of<'a>(chains: impl IntoIterator<Item = &'a ChainId>) -> Self {
        let mut first: BTreeMap<String, &ChainId> = BTreeMap::new();
        let mut alike = BTreeSet::new();
        for chain in chains {
            let name = chain.to_string();
            match first.get(&name) {
                Some(known) if *known == chain => {}
                Some(_) => {
                    alike.insert(name);
                }
                None => {
                    first.insert(name, chain);
                }
            }
        }
        Self { alike }
    }

    /// Returns the name of a chain, which is unique in the run.
    pub(crate) fn name(&self, chain: &ChainId) -> String {
        let name = chain.to_string();
        if !self.alike.contains(&name) {
            return name;
        }
        let organization = chain.organization.as_ref().map(|id| format!(", organization {id}"));
        format!("{name} (home {}{})", chain.home_region, organization.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chains_with_equal_short_names_get_longer_names() {
        let chain = |trail: &str, home: &str, organization: Option<&str>| ChainId {
            account: "111122223333".parse().unwrap(),
            source_region: "eu-west-1".parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: home.parse().unwrap(),
            organization: organization.map(|id| id.parse().unwrap()),
        };
        let chains = [
            chain("a", "us-east-1", None),
            chain("a", "eu-west-1", None),
            chain("a", "us-east-1", Some("o-a1b2c3d4e5")),
            chain("a", "us-east-1", Some("o-zzzzzzzzzz")),
            chain("b", "us-east-1", Some("o-a1b2c3d4e5")),
        ];
        let names = ChainNames::of(chains.iter().chain(&chains));
        let told: Vec<String> = chains.iter().map(|chain| names.name(chain)).collect();
        assert_eq!(
            told,
            [
                "111122223333 eu-west-1 a (home us-east-1)",
                "111122223333 eu-west-1 a (home eu-west-1)",
                "111122223333 eu-west-1 a (home us-east-1, organization o-a1b2c3d4e5)",
                "111122223333 eu-west-1 a (home us-east-1, organization o-zzzzzzzzzz)",
                "111122223333 eu-west-1 b",
            ]
        );
    }
}
