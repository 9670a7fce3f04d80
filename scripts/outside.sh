#!/usr/bin/env bash
# What strangers and registries see, checked without running it: workflows and forms against their schemas, shell scripts,
# the version everywhere, package metadata. Installs a checker from PyPI, pinned.
#
#   scripts/outside.sh         all of it
#   scripts/outside.sh poms    what Maven Central asks of our poms, alone
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need python3 python3

# Central refuses a pom without these; modules take all but name and description from their parent.
poms() {
  python3 - <<'PYTHON'
import pathlib, sys, xml.etree.ElementTree as tree

space = {"m": "http://maven.apache.org/POM/4.0.0"}
wrong = []
parent = pathlib.Path("sdk-android/pom.xml")
modules = [parent.parent / each.text / "pom.xml" for each in tree.parse(parent).getroot().findall("m:modules/m:module", space)]
for file in [parent, *modules]:
    pom = tree.parse(file).getroot()
    asks = ["m:name", "m:description"]
    if file == parent:
        asks += ["m:url", "m:licenses/m:license/m:name", "m:licenses/m:license/m:url", "m:developers/m:developer/m:name",
                 "m:scm/m:url", "m:scm/m:connection", "m:scm/m:developerConnection"]
    wrong += [f"{file}: <{ask.replace('m:', '')}> is missing" for ask in asks if not (pom.findtext(ask, "", space) or "").strip()]
print("\n".join(wrong) or f"poms: {1 + len(modules)} have what Maven Central asks for", file=sys.stderr if wrong else sys.stdout)
sys.exit(bool(wrong))
PYTHON
}

# What crates.io and npm show.
metadata() {
  cargo metadata --format-version 1 --no-deps --offline | python3 -c '
import json, sys
wrong, seen = [], 0
for crate in json.load(sys.stdin)["packages"]:
    if crate["publish"] == []:
        continue
    seen += 1
    for field in ("description", "license", "repository", "readme", "keywords", "categories", "documentation"):
        if not crate[field]:
            wrong.append(crate["name"] + ": `" + field + "` is missing in its Cargo.toml")
with open("sdk-web/package.json") as file:
    package = json.load(file)
wrong += ["sdk-web/package.json: `" + field + "` is missing" for field in ("description", "license", "repository", "bugs", "keywords", "homepage") if field not in package]
print("\n".join(wrong) or f"metadata: {seen} crates and the npm package are complete", file=sys.stderr if wrong else sys.stdout)
sys.exit(bool(wrong))
'
}

workflows() {
  local home=${XDG_CACHE_HOME:-$HOME/.cache}/headwater/check-jsonschema-0.39.0
  if ! "$home/bin/check-jsonschema" --version >/dev/null 2>&1; then
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ]; then
      apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    fi
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check check-jsonschema==0.39.0
  fi
  "$home/bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
  "$home/bin/check-jsonschema" --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
  "$home/bin/check-jsonschema" --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
  "$home/bin/check-jsonschema" --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
  "$home/bin/python" -c 'import sys, ruamel.yaml
for file in sys.argv[1:]:
    for part in ruamel.yaml.YAML(typ="safe").load_all(open(file)):
        assert part["apiVersion"] and part["kind"], file' deploy/kustomize/*.yaml
  echo "workflows, compose: valid by their schemas (not run here)"
}

shells() {
  need shellcheck shellcheck
  git ls-files '*.sh' .ci/run | xargs shellcheck -x -S warning
  echo "shell scripts: no warning"
}

# Where systemd is installed; the binary that the unit names is not.
unit() {
  command -v systemd-analyze >/dev/null || return 0
  local folder
  folder=$(mktemp -d)
  sed 's#/usr/local/bin/headwater#/bin/true#' deploy/headwater.service >"$folder/headwater.service"
  systemd-analyze verify "$folder/headwater.service"
  rm -rf "$folder"
  echo "systemd unit: verified (not run here)"
}

case "${1:-all}" in
  all)
    scripts/version.sh check
    metadata
    poms
    shells
    workflows
    unit
    ;;
  poms) poms ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
