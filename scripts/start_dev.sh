#!/usr/bin/env bash
# The development stack: API, worker, Qdrant, Redis, PostgreSQL and Ollama in containers, the console with hot reload in the background.
# scripts/stop_dev.sh ends it. API_PORT, CONSOLE_PORT, QDRANT_PORT, OLLAMA_PORT, REDIS_PORT and POSTGRES_PORT move what is taken already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
state=${DEV_STATE:-.cache/dev}
export API_PORT=${API_PORT:-8030} QDRANT_PORT=${QDRANT_PORT:-6363} OLLAMA_PORT=${OLLAMA_PORT:-11464}
api=http://127.0.0.1:$API_PORT page=http://127.0.0.1:${CONSOLE_PORT:-3030}/console/
compose=(docker compose -f deploy/docker/compose.yaml)

# Asks once a second, so that a first start may pull and build.
wait_for() {
  for _ in $(seq "${DEV_WAIT_S:-120}"); do
    curl --fail --silent --max-time 2 --output /dev/null "$2" && return
    sleep 1
  done
  echo "$1 does not answer at $2; look at: $3" >&2
  exit 1
}

scripts/need-node
[ -d node_modules ] || npm ci --no-audit --no-fund
mkdir -p "$state"
"${compose[@]}" up --build --detach
wait_for "the API" "$api/health" "docker logs docker-api-1"

# A process group of its own: npm starts the server of the page as a child.
set -m
AVANCE_URL=$api npm run dev --workspace console -- --host 127.0.0.1 --port "${CONSOLE_PORT:-3030}" >"$state/console.log" 2>&1 </dev/null &
echo $! >"$state/console.pid"
set +m
wait_for "the console" "$page" "$state/console.log"
wait_for Qdrant "http://127.0.0.1:$QDRANT_PORT/healthz" "docker logs docker-qdrant-1"
wait_for Ollama "http://127.0.0.1:$OLLAMA_PORT/api/tags" "docker logs docker-ollama-1"

running=$("${compose[@]}" ps --services --status running)
for service in api worker qdrant redis postgres ollama; do
  if ! grep -qx "$service" <<<"$running"; then
    echo "the service $service does not run; look at: docker logs docker-$service-1" >&2
    exit 1
  fi
done

cat <<END
Console         $page
API             $api/docs
Qdrant          http://127.0.0.1:$QDRANT_PORT/dashboard
Ollama          http://127.0.0.1:$OLLAMA_PORT/api/tags

Logs            docker logs -f docker-api-1        docker logs -f docker-worker-1        tail -f $state/console.log
Events          docker exec docker-redis-1 redis-cli PSUBSCRIBE 'job:*'
Queue           docker exec docker-redis-1 redis-cli LRANGE rq:queue:ingestion 0 -1
A model         docker exec docker-ollama-1 ollama pull llama3.2
A document      curl -F file=@report.pdf $api/ingest
The end         scripts/stop_dev.sh
END
