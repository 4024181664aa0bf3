"""Checks a bill of materials (CycloneDX, target/bom.json of jobs): every part has a licence, and what travels in our jar has one that lets
it. Prints how many parts each licence has."""

import collections
import json
import sys

# Of the jar, as the shade plugin of jobs/pom.xml lists them.
IN_THE_JAR = ("dev.ontogeny", "info.picocli", "com.typesafe", "org.nd4j", "org.bytedeco", "com.jakewharton.byteunits", "com.github.oshi", "net.java.dev.jna", "org.threeten", "net.ericaro")
# EPL-1.0 asks for what is changed of a part's own files; nothing is.
ALLOWED = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "EPL-1.0"}
# Their POMs name none; read in their jars.
UNNAMED = {"oro": "Apache-1.1", "datasketches-memory": "Apache-2.0", "xbean-asm9-shaded": "Apache-2.0"}


def licences(part):
    named = [each.get("expression") or each["license"].get("id") or each["license"]["name"] for each in part.get("licenses", [])]
    return named or [UNNAMED[part["name"]]] if part["name"] in UNNAMED else named


with open(sys.argv[1], encoding="utf-8") as file:
    bill = json.load(file)
counts = collections.Counter()
wrong = []
shipped = 0
for part in bill["components"]:
    found = licences(part)
    counts[" or ".join(sorted(found))] += 1
    if not found:
        wrong.append(f"{part['purl']} names no licence")
    if part.get("group", "").startswith(IN_THE_JAR):
        shipped += 1
        if not ALLOWED & set(found):
            wrong.append(f"{part['purl']} is in our jar under {found}")
for licence, count in counts.most_common():
    print(f"{count:4} {licence}")
assert len(bill["components"]) > 200 and shipped > 10, "parts are missing"
assert not wrong, wrong
