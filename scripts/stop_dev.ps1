# As stop_dev.sh, for PowerShell.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')
$state = if ($env:DEV_STATE) { $env:DEV_STATE } else { '.cache/dev' }
if (Test-Path "$state/console.pid") {
    $id = [int](Get-Content "$state/console.pid")
    # npm has the server of the page as a child; either may have ended by itself.
    if ($env:OS -eq 'Windows_NT') { taskkill /T /F /PID $id 2>$null | Out-Null } else { Stop-Process -Id $id -ErrorAction SilentlyContinue }
    Remove-Item "$state/console.pid"
}
docker compose -f deploy/docker/compose.yaml down
if ($LASTEXITCODE) { throw 'docker compose down failed' }
'Stopped. To remove the data as well: docker compose -f deploy/docker/compose.yaml down --volumes'
