#!/bin/sh
# Makes the data directory of an older version, by that version itself; its hashes go into test_upgrade.py.
# tests/upgrades/make.sh COMMIT ARCHIVE
# Three releases: a first, a night later, and one that the gate held and a person accepted after a batch was withdrawn.
# Without what no upgrade needs: exports, warehouse and dbt's files, which a run makes anew; Dagster's events; the demo.
set -eu
commit=$1 archive=$(realpath "$2")
folder=$(mktemp -d)
trap 'git worktree remove --force "$folder/code"; rm -rf "$folder"' EXIT
git worktree add --quiet --detach "$folder/code" "$commit"
cd "$folder/code"
make --quiet install
export THONGSUOT_DATA="$folder/data"
ours() { .venv/bin/thongsuot "$@"; }
ours demo --scale 0.0025
ours run --partition 2025-08-03..2025-08-04
ours run --partition 2025-08-05
ours batches withdraw --source dossier_log --day 2025-08-04 --by 'Nguyễn Văn A' --reason 'exported twice by mistake'
ours run --partition 2025-08-05 || true  # held: fewer dossiers were received than the release before said
ours releases accept 1 --by 'Trần Thị B' --reason 'the day was exported twice'
ours releases list
tar --create --xz --file "$archive" --directory "$THONGSUOT_DATA" \
  --sort=name --owner=0 --group=0 --numeric-owner landing quality lake
