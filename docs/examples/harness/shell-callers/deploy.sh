# What the pipeline runs on each server: ssh … 'sh -s -- staging' <deploy.sh
set -eu
mkdir -p /srv/app/releases
echo "$1" >/srv/app/releases/stage
echo "deployed to $1 as $(id -un)"
