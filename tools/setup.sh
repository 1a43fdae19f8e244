#!/usr/bin/env bash
# Installs what package-lock.json names and compiles, each only when something changed. Used by every command in bin/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v npm >/dev/null || { echo "Millrace needs Node.js 20 or newer with npm: install it and run this again." >&2; exit 1; }
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$major" -ge 20 ] || { echo "Millrace needs Node.js 20 or newer to install itself (found $(node -v 2>/dev/null || echo none))." >&2; exit 1; }

if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "Installing packages…" >&2
  # Not `npm ci`: it refuses a lock file without the optional packages of other platforms, and what a registry offers of
  # those differs. This installs the locked versions just the same, and leaves the lock file alone.
  npm install --no-save --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build >&2
