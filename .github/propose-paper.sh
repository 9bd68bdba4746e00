#!/usr/bin/env bash
# From the draft that paper-form.yml made of an issue to a pull request, and one answer below the issue.
#   propose-paper.sh DRAFT ISSUE BRANCH
# DRAFT holds `said` (what `survey add` printed) and, where it wrote an entry, that entry and `problems`. Run again, it
# changes what the first run made. These files come from an issue that anyone may open: copied, never evaluated.
set -euo pipefail
draft=$1 issue=$2 branch=$3
bot='41898282+github-actions[bot]@users.noreply.github.com'

fenced() { # a file as code, in a fence longer than any run of backticks inside
  local fence='```'
  while grep -qF -- "$fence" "$1"; do fence+='`'; done
  printf '%s\n' "$fence" "$(head -c 20000 "$1")" "$fence"
}

answer() { # one comment of ours an issue, however often it is edited
  gh issue comment "$issue" --edit-last --create-if-none --body-file - <<< "$1"
}

shopt -s nullglob
entries=("$draft"/*.yml)
if ((${#entries[@]} != 1)); then
  answer "No entry could be drafted from this form:

$(fenced "$draft/said")

Edit the issue, and it is tried again."
  exit
fi
name=$(basename "${entries[0]}")
if [[ ! $name =~ ^[a-z0-9][a-z0-9-]*\.yml$ ]]; then
  echo "an entry's file is named otherwise than its id may be" >&2
  exit 1
fi

git config credential.helper '!gh auth git-credential'
if git fetch --quiet origin "refs/heads/$branch" 2> /dev/null && [[ $(git log -1 --format=%ae FETCH_HEAD) != "$bot" ]]; then
  answer "Someone has worked on the branch \`$branch\`, so this issue no longer changes it: go on in its pull request."
  exit
fi
git switch --quiet --create "$branch"
cp "${entries[0]}" "papers/$name"
git add -- "papers/$name"
git -c user.name='github-actions[bot]' -c user.email="$bot" commit --quiet --message "Draft: ${name%.yml} (#$issue)"
git push --quiet --force origin "HEAD:refs/heads/$branch"

body="Drafted from #$issue, for a person to read and finish; what is open stands under \`missing\`. Closes #$issue.

\`survey add\` said:

$(fenced "$draft/said")

\`survey check\` says:

$(fenced "$draft/problems")"
if [[ $(gh pr list --head "$branch" --state open --json number --jq length) == 0 ]]; then
  gh pr create --head "$branch" --title "Add papers/$name" --body-file - <<< "$body"
else
  gh pr edit "$branch" --body-file - <<< "$body"
fi
gh workflow run check.yml --ref "$branch"
answer "A draft is proposed in $(gh pr view "$branch" --json url --jq .url). Editing this issue drafts it anew, until someone \
works on that branch."
