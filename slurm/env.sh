# shellcheck shell=bash
# What is particular to your site. Only the lines below an EDIT need a look; every value may also come from the
# environment. The scripts of this folder read this file at the start of a job, `deno task submit` on the login node.

# EDIT: the account that pays, without a partition's suffix (xxx, not xxx@a100); empty where Slurm knows it.
: "${BYOL_ACCOUNT:=}"

# EDIT: the project's folder, as compute nodes see it; by default the one that jobs are submitted from.
: "${BYOL_ROOT:=${SLURM_SUBMIT_DIR:-$PWD}}"

# EDIT: Deno by the absolute path that `deno task setup` printed. Never npx: compute nodes have no internet.
: "${BYOL_DENO:=$BYOL_ROOT/.byol/bin/deno}"

# EDIT: the folder for runs that are submitted without --run_dir; on Jean Zay for instance "$SCRATCH/byol".
: "${BYOL_RUNS:=$BYOL_ROOT/runs}"

# EDIT: modules that a job needs before anything else. Jean Zay's A100 and H100 nodes want theirs first.
byol_modules() {
  case "${BYOL_PROFILE:-generic}" in
    jeanzay-a100) module load arch/a100 ;;
    jeanzay-h100) module load arch/h100 ;;
    *) : ;;
  esac
}

# EDIT: how often a job may start again by itself, so that nothing can loop for ever.
: "${BYOL_MAX_RESTARTS:=50}"
