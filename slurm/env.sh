# shellcheck shell=bash
# Settings of your site. Edit only the lines below an EDIT; the environment may also set every value. The scripts of
# this folder read this file at the start of a job, and `deno task submit` reads it on the login node.

# EDIT: the account to charge, without a partition's suffix (xxx, not xxx@h100); empty for Slurm's default account.
: "${BYOL_ACCOUNT:=}"

# EDIT: the project's folder, as compute nodes see it; default: the folder of submission.
: "${BYOL_ROOT:=${SLURM_SUBMIT_DIR:-$PWD}}"

# EDIT: absolute path of Deno, as printed by `deno task setup`. Do not use npx: compute nodes have no internet.
: "${BYOL_DENO:=$BYOL_ROOT/.byol/bin/deno}"

# EDIT: folder of the runs without --run_dir; on Jean Zay for instance "$SCRATCH/byol".
: "${BYOL_RUNS:=$BYOL_ROOT/runs}"

# EDIT: normalised hours that your site counts one GPU-hour as (submit sets it for the profiles that it knows), and grams
# of CO2e of one kWh where your site is; empty where they are not known: hours and carbon are then left out.
: "${BYOL_HOURS_FACTOR:=}" "${BYOL_GRAMS_PER_KWH:=}"
export BYOL_HOURS_FACTOR BYOL_GRAMS_PER_KWH

# EDIT: modules that a job loads first. A job inherits the modules of the shell that submitted it: Jean Zay's pages ask
# to drop them. Its A100 and H100 nodes need a module of their own.
byol_modules() {
  case "${BYOL_PROFILE:-generic}" in jeanzay-*) module purge ;; esac
  case "${BYOL_PROFILE:-generic}" in
    jeanzay-a100) module load arch/a100 ;;
    jeanzay-h100) module load arch/h100 ;;
    *) : ;;
  esac
}

# EDIT: maximum number of restarts of a job, so that no job requeues itself for ever.
: "${BYOL_MAX_RESTARTS:=50}"
