#!/usr/bin/env bash
# What scripts/start_dev.sh started; data stays in its volumes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
state=${DEV_STATE:-.cache/dev}
if [ -f "$state/console.pid" ]; then
  # It may have ended by itself.
  kill -- "-$(cat "$state/console.pid")" 2>/dev/null || true
  rm "$state/console.pid"
fi
docker compose -f deploy/docker/compose.yaml down
echo "Stopped. To remove the data as well: docker compose -f deploy/docker/compose.yaml down --volumes"
