# Sourced by what runs inside a throwaway root: an administrator who types what docs/OPERATIONS.md says, just as it stands there.
document=/trial/OPERATIONS.md

# The block of a language under a heading, the first, second, …
block() {
    awk -v heading="## $1" -v wanted="$2" -v fence="\`\`\`${3:-sh}" '
        /^## / { here = $0 == heading; found = 0; next }
        /^```/ { copy = 0; if (here && $0 == fence) copy = ++found == wanted; next }
        copy' "$document"
}

# Types a block of shell lines, in the folder one happens to be in; whatever is asked, the answer is Enter.
typed() {
    local lines
    lines=$(block "$1" "$2")
    [ -n "$lines" ] || { echo "there is no block $2 under \"$1\" in the document"; return 1; }
    while IFS= read -r line; do echo "      \$ $line"; done <<<"$lines"
    local status=0
    # Often enough: apt takes more answers than it needs, and dpkg asks after it. But not for ever, as psql would wait for.
    bash -e -c "$lines" >/trial/said 2>&1 < <(yes '' 2>/dev/null | head -c 65536) || status=$?
    cut -c 1-200 /trial/said | head -n 60 | sed 's/^/      | /'
    return $status
}
told() { grep -qF -- "$1" /trial/said; }

# What the administrator would do to a file of this name in the editor: a shell line that gets the file as $1.
hand() { printf '#!/bin/sh\n%s\n' "$2" >"/trial/hand/$1" && chmod 755 "/trial/hand/$1"; }
mkdir -p /trial/hand
cat >/usr/local/bin/editor <<'END'
#!/bin/sh
exec "/trial/hand/$(basename "$1")" "$1"
END
chmod 755 /usr/local/bin/editor
