//! The ways to lose a primary.

use super::Cluster;
use crate::support::wait::until_async;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strike {
    /// Its PostgreSQL and Patroni are killed.
    Killed,
    /// It is cut off from everybody.
    CutOff,
    /// It is cut off from the other nodes, while the daemons go on reaching it.
    CutOffFromPeers,
    /// Its work is handed over by plan.
    SwitchedOver,
}

impl Strike {
    const ALL: [Self; 4] = [Self::Killed, Self::CutOff, Self::CutOffFromPeers, Self::SwitchedOver];

    /// All in turn.
    pub(super) fn of_round(round: usize) -> Self {
        Self::ALL[round % Self::ALL.len()]
    }

    /// Strikes the primary.
    pub(super) async fn begin(self, cluster: &mut Cluster, primary: usize, what: &str) {
        match self {
            Self::Killed => cluster.nodes[primary].kill(),
            Self::CutOff => cluster.nodes[primary].cut_off(),
            Self::CutOffFromPeers => cluster.nodes[primary].cut_off_from_peers(),
            Self::SwitchedOver => {
                until_async(&format!("{what}: Patroni switches over"), async || {
                    switched_over(cluster, primary).await
                })
                .await;
            }
        }
    }

    /// Gives the struck node back.
    pub(super) fn mend(self, cluster: &mut Cluster, struck: usize) {
        match self {
            Self::Killed => cluster.nodes[struck].start_patroni(),
            Self::CutOff | Self::CutOffFromPeers => cluster.nodes[struck].joined_again(),
            Self::SwitchedOver => {}
        }
    }
}

/// Asks for a switchover, which is refused while no standby is fit for it; or finds that it has come about.
async fn switched_over(cluster: &Cluster, primary: usize) -> bool {
    if cluster.has_another_primary(primary).await {
        return true;
    }
    let node = &cluster.nodes[primary];
    match node.members().await.and_then(|members| members.candidate(cluster.commits)) {
        Some(candidate) => node.switches_over_to(&candidate).await,
        None => false,
    }
}
