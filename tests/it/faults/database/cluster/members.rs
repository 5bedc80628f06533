//! What Patroni says of the cluster.

use serde_json::Value;

use super::Commits;

/// Its answer to `/cluster`. A node that was cut off goes on saying what it knew.
pub(super) struct Members(pub(super) Value);

impl Members {
    fn each(&self) -> impl Iterator<Item = &Value> {
        self.0["members"].as_array().into_iter().flatten()
    }

    /// Whom to hand over to: where commits wait for a standby, the one that they wait for.
    pub(super) fn candidate(&self, commits: Commits) -> Option<String> {
        let role = if commits == Commits::Synchronous { "sync_standby" } else { "replica" };
        self.each().find(|member| member["role"] == role)?["name"].as_str().map(str::to_owned)
    }
}
