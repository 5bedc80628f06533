#!/usr/bin/env bash
# Opens an exported CSV in LibreOffice Calc and looks at what became of it: libreoffice.sh PROGRAM FOLDER, where FOLDER has
# the config.toml of the trial's database. The caller has given one partner a name that is a formula.
set -euo pipefail
program=$1 dir=$2
mkdir -p "$dir/calc"

# A control of our own: here Calc is told in so many words to evaluate formulas (the 13th token is "Evaluate formulas").
printf 'name,other\n=6*7,Bélanger\n' >"$dir/calc/control.csv"
"$program" --config "$dir/config.toml" export --excel --to "$dir/calc/reports.csv"

calc() { # FILE: opens it and writes all that Calc knows of it as one XML file
    soffice --headless "-env:UserInstallation=file://$dir/calc/profile" --infilter='CSV:44,34,76,1,,0,false,true,false,false,false,0,true' \
        --convert-to fods --outdir "$dir/calc" "$1" >>"$dir/calc/log" 2>&1 || { cat "$dir/calc/log" >&2; exit 1; }
}
calc "$dir/calc/control.csv"
calc "$dir/calc/reports.csv"

expect() { # WHAT COUNT FILE TEXT
    local found
    found=$(grep -c -- "$4" "$dir/calc/$3" || true)
    [ "$found" = "$2" ] || { echo "LibreOffice: $1: $found lines instead of $2 in $3" >&2; exit 1; }
}
rows=$(($(wc -l <"$dir/calc/reports.csv") - 1))
accented=$(psql -X -A -t -c "select count(*) from current_reports where partner_company_name like '%Bélanger%'")
expect 'the control executes a formula' 1 control.fods 'table:formula='
expect 'no formula in the export' 0 reports.fods 'table:formula='
expect 'the formula is a text' 1 reports.fods "<text:p>&apos;=6\*7</text:p>"
expect 'accents' "$accented" reports.fods '<text:p>[^<]*Bélanger'
expect 'rows' "$((rows))" reports.fods '<text:p>emea</text:p>'
echo "LibreOffice: $rows rows, $accented names with accents, no formula executed; $(soffice --version)"
