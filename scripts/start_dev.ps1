# As start_dev.sh, for PowerShell.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')
function Get-Setting($name, $default) { $value = [Environment]::GetEnvironmentVariable($name); if ($value) { $value } else { $default } }
$state = Get-Setting 'DEV_STATE' '.cache/dev'
$consolePort = Get-Setting 'CONSOLE_PORT' '3030'
$qdrant = "http://127.0.0.1:$(Get-Setting 'QDRANT_PORT' '6363')"
$ollama = "http://127.0.0.1:$(Get-Setting 'OLLAMA_PORT' '11464')"
$api = "http://127.0.0.1:$(Get-Setting 'API_PORT' '8030')"
$page = "http://127.0.0.1:$consolePort/console/"

# Asks once a second, so that a first start may pull and build.
function Wait-For($what, $address, $log) {
    foreach ($second in 1..[int](Get-Setting 'DEV_WAIT_S' '120')) {
        try { Invoke-WebRequest -UseBasicParsing -TimeoutSec 2 -Uri $address | Out-Null; return } catch { Start-Sleep -Seconds 1 }
    }
    throw "$what does not answer at $address; look at: $log"
}

if (-not (Test-Path node_modules)) { npm ci --no-audit --no-fund; if ($LASTEXITCODE) { throw 'npm ci failed' } }
New-Item -ItemType Directory -Force $state | Out-Null
docker compose -f deploy/docker/compose.yaml up --build --detach
if ($LASTEXITCODE) { throw 'docker compose up failed' }
Wait-For 'the API' "$api/health" 'docker logs docker-api-1'

$env:AVANCE_URL = $api
$npm = if ($env:OS -eq 'Windows_NT') { 'npm.cmd' } else { 'npm' }
$arguments = 'run', 'dev', '--workspace', 'console', '--', '--host', '127.0.0.1', '--port', $consolePort
$console = Start-Process $npm -ArgumentList $arguments -PassThru -RedirectStandardOutput "$state/console.log" -RedirectStandardError "$state/console.err"
Set-Content "$state/console.pid" $console.Id
Wait-For 'the console' $page "$state/console.log"
Wait-For 'Qdrant' "$qdrant/healthz" 'docker logs docker-qdrant-1'
Wait-For 'Ollama' "$ollama/api/tags" 'docker logs docker-ollama-1'

$running = docker compose -f deploy/docker/compose.yaml ps --services --status running
foreach ($service in 'api', 'worker', 'qdrant', 'redis', 'postgres', 'ollama') {
    if ($running -notcontains $service) { throw "the service $service does not run; look at: docker logs docker-$service-1" }
}

@"
Console         $page
API             $api/docs
Qdrant          $qdrant/dashboard
Ollama          $ollama/api/tags

Logs            docker logs -f docker-api-1        docker logs -f docker-worker-1        Get-Content -Wait $state/console.log
Events          docker exec docker-redis-1 redis-cli PSUBSCRIBE 'job:*'
Queue           docker exec docker-redis-1 redis-cli LRANGE rq:queue:ingestion 0 -1
A model         docker exec docker-ollama-1 ollama pull llama3.2
A document      curl.exe -F file=@report.pdf $api/ingest
The end         scripts/stop_dev.ps1
"@
