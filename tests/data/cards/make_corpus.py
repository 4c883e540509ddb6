#!/usr/bin/env python3
"""Makes the corpus that the guard against card numbers is measured on.

    python3 tests/data/cards/make_corpus.py            # writes tuning/ and held_out/ beside this file
    python3 tests/data/cards/make_corpus.py --check    # compares instead, exits 1 on a difference

One file a class, one string a line, UTF-8. Files named `cards_*` hold a card number in every line, the others in
none. It knows nothing of the guard's code: card numbers, check digits, telephone numbers and references are made
here from the published schemes. Everything is invented: account parts are random, and no number was looked up.

`tuning` is for whoever changes the guard; `held_out` is only measured. Sentences marked `unseen` are used for
`held_out` alone, so that it also asks for what nobody tuned for.
"""

import datetime
import random
import sys
from pathlib import Path

SEED = "coffer cards 1"
HALVES = ("tuning", "held_out")
CARDS_A_CLASS = 1_200
OTHERS_A_CLASS = 2_400

# --- what a card number is: ISO/IEC 7812-1, and the ranges that issuers publish ------------------------------------

ISSUERS = [
    # weight, prefixes, lengths
    (30, ["4"], [16]),
    (2, ["4"], [13]),
    (4, ["4"], [19]),
    (22, ["51", "52", "53", "54", "55"], [16]),
    (8, [str(n) for n in range(2221, 2721)], [16]),
    (8, ["34", "37"], [15]),
    (4, ["6011", "644", "645", "646", "647", "648", "649", "65"], [16, 16, 16, 17, 18, 19]),
    (4, [str(n) for n in range(3528, 3590)], [16, 16, 17, 18, 19]),
    (6, ["62"], [16, 17, 18, 19]),
    (6, ["5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"], [16, 16, 17, 18, 19]),
    (4, ["300", "301", "302", "303", "304", "305", "3095", "36", "38", "39"], [14]),
]


def check_digit(body):
    """The last digit, after ISO/IEC 7812-1 annex B."""
    doubled = [int(d) * 2 if at % 2 == 0 else int(d) for at, d in enumerate(reversed(body))]
    return str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def card(rng):
    _, prefixes, lengths = rng.choices(ISSUERS, [weight for weight, _, _ in ISSUERS])[0]
    body = rng.choice(prefixes)
    body += digits(rng, rng.choice(lengths) - 1 - len(body))
    return body + check_digit(body)


def split(text, widths):
    at, groups = 0, []
    for width in widths:
        groups.append(text[at:at + width])
        at += width
    assert at == len(text), (text, widths)
    return groups


def as_embossed(number):
    """The groups in which it stands on the card."""
    widths = {
        13: [4, 3, 3, 3], 14: [4, 6, 4], 15: [4, 6, 5], 16: [4, 4, 4, 4], 17: [4, 4, 4, 4, 1], 18: [4, 4, 4, 4, 2],
        19: [4, 4, 4, 4, 3],
    }
    return split(number, widths[len(number)])


def cut_anywhere(rng, number, cuts_max):
    cuts = sorted(rng.sample(range(1, len(number)), rng.randint(1, cuts_max)))
    return [number[a:b] for a, b in zip([0, *cuts], [*cuts, len(number)])]


SPACES = [" ", "\u00a0", "\u2009", "\u202f", "\u2007", "\u2002", "\u3000", "\u2005"]
DASHES = ["-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", "\uff0d", "\ufe63"]
DOTS = [".", "\u00b7", "\uff0e", "\u2022"]


def separator(rng):
    kind = rng.random()
    if kind < 0.4:
        return " "
    if kind < 0.6:
        return "-"
    return rng.choice(rng.choice([SPACES, DASHES, DOTS]))


def written(rng, number):
    """As people write it: unbroken, or in the groups of the card with one separator throughout."""
    return number if rng.random() < 0.4 else separator(rng).join(as_embossed(number))


def cards_unbroken(rng, _):
    return rng.choice(["{}", "{}", "card {}", "PAN{}", "Card No. {}", "({})", "\"{}\"", "{},", "visa:{}"]).format(card(rng))


def cards_grouped(rng, _):
    number = card(rng)
    kind = rng.random()
    if kind < 0.6 or len(number) < 15:
        return separator(rng).join(as_embossed(number))
    if kind < 0.75:
        groups = as_embossed(number)
        return "".join(g + s for g, s in zip(groups, [separator(rng) for _ in groups[1:]] + [""]))
    beside_others = kind > 0.95
    groups = cut_anywhere(rng, number, 3 if beside_others else 6)
    one = separator(rng)
    mixed = 0.85 < kind < 0.95
    text = "".join(g + s for g, s in zip(groups, [separator(rng) if mixed else one for _ in groups[1:]] + [""]))
    if not beside_others:
        return text
    # One space from the number of a flat before it, or from what stands behind it on the card.
    expiry, code = f"{rng.randint(1, 12):02}{rng.randint(25, 34)}", digits(rng, 3)
    return rng.choice(["{0} {1}", "{1} {2}", "{1} {3}", "{1} {2} {3}"]).format(rng.randint(1, 140), text, expiry, code)


PROSE = [
    "Tenant paid by card {pan} on {day} {month}.",
    "card no:{pan}.",
    "{pan} exp {mm}/{yy} cvv {cvv}",
    "Took payment over the phone, {pan}, expiry {mm}/{yy}, security code {cvv}, receipt to be posted.",
    "Please debit my card {pan} for the arrears of {amount}",
    "Card number {pan} {mm}{yy} {cvv}",
    "Caller insisted on leaving her card details ({pan}) for the rent of flat {flat}",
    "Rang 0{phone} and read out {pan}",
    "{amount} taken from {pan} ref {ref}",
    "pymt {pan} {amount}",
    "Old card {pan} replaced by new card {pan2}",
    "Visa {pan} / valid to {mm}-{yy}",
    "He has two cards, {pan} and {pan2}; only the first may be used.",
    "my bank card is {pan} and it runs out {mm}/20{yy}",
    "CC#{pan}",
    "Cardholder Mr A Tenant\u2013{pan}\u2013{mm}/{yy}",
    "email from tenant: \"hi, use {pan} thanks\"",
    "{flat} {pan} {cvv}",
]
PROSE_UNSEEN = [
    "Voicemail, {day} {month}: long number {pan}, start {mm}/22, end {mm}/{yy}, three on the back {cvv}.",
    "NB do not use {pan} any more!",
    "{day}.{mm}.20{yy} {pan}",
    "Payment plan agreed. Card={pan};exp={yy}{mm}",
    "The number on the slip was {pan}\u2026 she will ring back with the {cvv}.",
    "Flat {flat}: {pan} ({mm}/{yy})",
    "Received \u00a3{amount} \u2014 {pan} \u2014 thank you",
]


def facts(rng):
    return {
        "pan": written(rng, card(rng)), "pan2": written(rng, card(rng)), "day": rng.randint(1, 31),
        "month": rng.choice(MONTHS), "mm": f"{rng.randint(1, 12):02}", "yy": rng.randint(25, 34), "cvv": digits(rng, 3),
        "amount": f"{rng.randint(1, 900)}.{digits(rng, 2)}", "flat": rng.randint(1, 140), "ref": digits(rng, 6),
        "phone": rng.choice(["7700 900", "1632 960"]) + digits(rng, 3),
    }


def cards_in_prose(rng, unseen):
    return rng.choice(PROSE + (PROSE_UNSEEN if unseen else [])).format(**facts(rng))


ZEROS = {  # the zero of other scripts' digits
    "full-width": 0xFF10, "arabic": 0x0660, "persian": 0x06F0, "devanagari": 0x0966, "bengali": 0x09E6,
    "gurmukhi": 0x0A66, "gujarati": 0x0AE6, "tamil": 0x0BE6, "thai": 0x0E50, "bold": 0x1D7CE, "double-struck": 0x1D7D8,
    "sans": 0x1D7E2, "monospace": 0x1D7F6, "subscript": 0x2080,
}


def in_script(text, zero):
    return "".join(chr(zero + ord(c) - ord("0")) if c in "0123456789" else c for c in text)


def cards_in_other_digits(rng, _):
    number = card(rng)
    text = written(rng, number)
    scripts = list(ZEROS.values())
    kind = rng.random()
    if kind < 0.4:
        text = in_script(text, ZEROS["full-width"])
    elif kind < 0.8:
        text = in_script(text, rng.choice(scripts))
    elif kind < 0.9:
        text = "".join(in_script(c, rng.choice(scripts)) if rng.random() < 0.5 else c for c in text)
    else:
        # The keycap of a telephone's keyboard: digit, variation selector, enclosing keycap.
        text = "".join(c + "\ufe0f\u20e3" if c in "0123456789" else c for c in number)
    return rng.choice(["{}", "{}", "card {}", "\u0643\u0627\u0631\u062a {}", "{}, exp 12/29"]).format(text)


LOOK_ALIKES = {"0": "Oo\u039f\u03bf\u041e\u043e", "1": "lI\u0399\u0406", "3": "\u0417\u01b7", "6": "\u0431"}
COMMON = {"0": "Oo", "1": "lI"}
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"]


def cards_in_look_alikes(rng, _):
    while True:
        number = card(rng)
        if sum(number.count(d) for d in "01") >= 2:
            break
    text = written(rng, number)
    if rng.random() < 0.25:
        # Nothing to be seen between the digits, as a web page leaves it in what is copied.
        at = sorted(rng.sample(range(1, len(text)), rng.randint(1, 4)), reverse=True)
        for place in at:
            text = text[:place] + rng.choice(INVISIBLE) + text[place:]
        return text
    table = COMMON if rng.random() < 0.7 else LOOK_ALIKES
    places = [at for at, c in enumerate(text) if c in table]
    for place in rng.sample(places, rng.randint(1, len(places))):
        text = text[:place] + rng.choice(table[text[place]]) + text[place + 1:]
    return rng.choice(["{}", "card {}", "card number: {}.", "{} (expires soon)"]).format(text)


CLIPBOARD = [
    "{pan}\t{mm}/{yy}\t{cvv}",
    "A Tenant,{pan},{mm}/{yy},{cvv},{amount}",
    "{{\"pan\":\"{bare}\",\"exp\":\"{yy}{mm}\"}}",
    "%B{bare}^TENANT/A^{yy}{mm}101000000000000?",
    ";{bare}={yy}{mm}101000000000?",
    "https://pay.example/p?card={bare}&amount={amount}",
    "<td>{pan}</td><td>{amount}</td>",
    "{wide}",
    "{hyphens}",
    "Card:  {pan}  Exp:  {mm}/{yy}",
    "[{bare}]",
    "'{bare}",
    "{bare}|{mm}|{yy}|{cvv}",
    "AUTH CODE: {ref} PAN: {pan} TID: {ref}",
]
CLIPBOARD_UNSEEN = [
    "pan={bare};cvv={cvv}",
    "<b>{pan}</b>",
    "{ref}\t{pan}\t{amount}",
    "MERCHANT COPY {pan} SALE {amount}",
]


def cards_from_the_clipboard(rng, unseen):
    number = card(rng)
    told = facts(rng)
    told.update(
        pan=written(rng, number), bare=number, wide="  ".join(as_embossed(number)), hyphens=" - ".join(as_embossed(number)),
    )
    return rng.choice(CLIPBOARD + (CLIPBOARD_UNSEEN if unseen else [])).format(**told)


# --- what is none ---------------------------------------------------------------------------------------------------

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]
NAMES = ["Mrs Okafor", "Mr Patel", "Ms Jones", "Zo\u00eb", "the tenant", "her son", "the neighbour", "Mr Grabowski"]
AREAS = ["20", "23", "24", "28", "29", "113", "114", "115", "116", "117", "118", "121", "131", "141", "151", "161", "171",
         "181", "191", "1224", "1244", "1382", "1452", "1463", "1482", "1522", "1582", "1603", "1604", "1633", "1642",
         "1702", "1733", "1752", "1772", "1782", "1792", "1865", "1902", "1942", "1962", "1978"]


def uk_phone(rng):
    """Ten digits behind the zero, in the usual groups."""
    kind = rng.random()
    if kind < 0.55:
        rest = "7" + digits(rng, 9)
        widths = rng.choice([[4, 6], [4, 3, 3], [10], [3, 3, 4], [4, 2, 4]])
    else:
        area = rng.choice(AREAS)
        rest = area + digits(rng, 10 - len(area))
        widths = {
            2: [[2, 4, 4], [2, 8], [10]], 3: [[3, 3, 4], [3, 7], [10]], 4: [[4, 6], [4, 3, 3], [10]],
        }[len(area)]
        widths = rng.choice(widths)
    return split(rest, widths)


def phone(rng):
    groups = uk_phone(rng)
    gap = rng.choice([" ", " ", " ", "-", ".", "\u00a0"])
    kind = rng.random()
    if kind < 0.6:
        return "0" + gap.join(groups)
    if kind < 0.75:
        return "+44" + rng.choice(["", gap]) + gap.join(groups)
    if kind < 0.8:
        return "+44 (0)" + gap.join(groups)
    if kind < 0.85:
        return "0044" + rng.choice(["", " "]) + gap.join(groups)
    if kind < 0.9:
        return "(0" + groups[0] + ") " + gap.join(groups[1:])
    country, widths = rng.choice([
        ("353", [2, 3, 4]), ("33", [1, 2, 2, 2, 2]), ("49", [3, 8]), ("49", [2, 8]), ("49", [11]), ("43", [11]), ("48", [3, 3, 3]), ("1", [3, 3, 4]),
        ("91", [5, 5]), ("92", [3, 7]), ("234", [3, 3, 4]), ("40", [3, 3, 3]), ("351", [3, 3, 3]), ("47", [2, 2, 2, 2]),
        ("420", [3, 3, 3]), ("43", [3, 7]), ("41", [2, 3, 2, 2]),
    ])
    rest = split(rng.choice("23456789") + digits(rng, sum(widths) - 1), widths)
    return "+" + country + rng.choice(["", gap]) + rng.choice([gap, gap, ""]).join(rest)


PHONES = [
    "{a}", "{a}", "{a}", "{a}", "Tel {a}", "Tel: {a}", "{a} (mobile)", "home {a} work {b}", "{a}, {b}", "{a} / {b}", "{a} {b}",
    "{a} or {b}", "call {who} on {a} after {n}", "{a} ext {n}", "{a} x{n}", "{a} - ask for {who}", "fax {a}",
    "{who} changed number from {a} to {b} on {day} {month}", "rang {a} {n} times", "mob. {a}. Do not text.",
    "{n} missed calls from {a}",
]
PHONES_UNSEEN = ["emergency: {a}; day: {b}", "{a}\t{b}", "WhatsApp {a}", "{who} {a} {n} {month}", "no answer on {a}. tried {b}."]


def phones(rng, unseen):
    told = {"a": phone(rng), "b": phone(rng), "who": rng.choice(NAMES), "n": rng.randint(2, 20), "day": rng.randint(1, 31),
            "month": rng.choice(MONTHS)}
    return rng.choice(PHONES + (PHONES_UNSEEN if unseen else [])).format(**told)


def sort_code(rng):
    return [digits(rng, 2), digits(rng, 2), digits(rng, 2)]


def account(rng):
    code, number = sort_code(rng), digits(rng, 8)
    kind = rng.random()
    if kind < 0.6:
        gap = rng.choice(["-", "-", "-", " ", "\u2013"])
        return gap.join(code) + rng.choice([" ", " ", " ", "-", "  ", "\u00a0"]) + number
    if kind < 0.85:
        return "".join(code) + rng.choice([" ", " ", "-", "  "]) + number
    return "-".join(code) + rng.choice([" / ", ", ", ": "]) + number


ACCOUNTS = [
    "{a}", "{a}", "{a}", "{a}", "{a}", "s/c and acc {a}", "Sort code {s} account {n}", "sort code {s}, account number {n}",
    "refund to {a}", "{a} {who}", "old account {a} new account {b}", "{a}, {b}", "{a} and {b}", "{a} {b}", "DD set up on {a} from {day} {month}",
    "BACS {a} ref {r}", "account {n} sort {s}", "Building society roll no {r}/{r}-{k}, {a}", "{n} {s}", "{who}: {a} ({day}/{mm})",
]
ACCOUNTS_UNSEEN = ["{a}\t{b}", "paid from {a} on {day}.{mm}.2025", "{s} {n} {r}", "joint account {a} with {who}", "a/c {n}, {s}"]


def bank_accounts(rng, unseen):
    told = {"a": account(rng), "b": account(rng), "s": "-".join(sort_code(rng)), "n": digits(rng, 8), "who": rng.choice(NAMES),
            "day": rng.randint(1, 28), "month": rng.choice(MONTHS), "mm": f"{rng.randint(1, 12):02}", "r": digits(rng, 6),
            "k": rng.randint(0, 9)}
    return rng.choice(ACCOUNTS + (ACCOUNTS_UNSEEN if unseen else [])).format(**told)


# Country, and its account part: n digits, a letters, c either.
IBANS = [
    (30, "GB", [(4, "a"), (14, "n")]), (8, "IE", [(4, "a"), (14, "n")]), (8, "PL", [(24, "n")]), (6, "DE", [(18, "n")]),
    (6, "FR", [(10, "n"), (11, "c"), (2, "n")]), (6, "ES", [(20, "n")]), (6, "RO", [(4, "a"), (16, "c")]), (5, "IT", [(1, "a"), (10, "n"), (12, "c")]),
    (5, "PT", [(21, "n")]), (5, "NL", [(4, "a"), (10, "n")]), (4, "LT", [(16, "n")]), (4, "BE", [(12, "n")]), (3, "LV", [(4, "a"), (13, "c")]),
    (3, "NO", [(11, "n")]), (2, "SE", [(20, "n")]), (2, "DK", [(14, "n")]), (2, "HU", [(24, "n")]), (2, "CZ", [(20, "n")]),
    (2, "BG", [(4, "a"), (14, "n")]), (2, "GR", [(23, "n")]), (2, "AT", [(16, "n")]), (2, "CH", [(5, "n"), (12, "c")]), (2, "TR", [(6, "n"), (16, "c")]),
    (2, "PK", [(4, "a"), (16, "c")]), (1, "MT", [(4, "a"), (5, "n"), (18, "c")]), (1, "SA", [(2, "n"), (18, "c")]), (1, "IL", [(19, "n")]),
    (1, "EE", [(16, "n")]), (1, "FI", [(14, "n")]), (1, "GI", [(4, "a"), (15, "c")]),
]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def iban(rng):
    _, country, parts = rng.choices(IBANS, [weight for weight, _, _ in IBANS])[0]
    # Most account parts are digits even where letters may stand.
    sets = {"n": "0123456789", "a": LETTERS, "c": "0123456789" * 4 + LETTERS}
    bban = "".join(rng.choice(sets[kind]) for width, kind in parts for _ in range(width))
    as_number = "".join(str(int(c, 36)) for c in bban + country + "00")
    return f"{country}{98 - int(as_number) % 97:02}{bban}"


def printed(rng, text):
    kind = rng.random()
    if kind < 0.4:
        return text
    fours = [text[at:at + 4] for at in range(0, len(text), 4)]
    if kind < 0.8:
        return " ".join(fours)
    if kind < 0.9:
        return text.lower()
    return rng.choice(["-", "\u00a0", "\u2009"]).join(fours)


SENTENCES_IBAN = [
    "{a}", "{a}", "{a}", "{a}", "IBAN {a}", "IBAN: {a}", "IBAN {a} BIC {bic}", "{bic} {a}", "refund to {a} please", "{a}, {b}", "{a} {b}",
    "{who} banks abroad: {a}", "from {a} to {b}", "({a})", "{a} since {day} {month} 2025", "{a} {amount}", "standing order from {a}, {amount} a month",
]
SENTENCES_IBAN_UNSEEN = ["account {a}; {bic}", "{amount} {a}", "Iban={a}", "{a}\t{bic}\t{amount}", "{who}: {a}."]


def ibans(rng, unseen):
    told = {"a": printed(rng, iban(rng)), "b": printed(rng, iban(rng)), "who": rng.choice(NAMES), "day": rng.randint(1, 28),
            "month": rng.choice(MONTHS), "amount": f"{rng.randint(10, 900)}.{digits(rng, 2)}",
            "bic": "".join(rng.choice(LETTERS) for _ in range(6)) + rng.choice(["2L", "21", "FF", "22XXX"])}
    return rng.choice(SENTENCES_IBAN + (SENTENCES_IBAN_UNSEEN if unseen else [])).format(**told)


TENANCY = [
    "T-{d6}", "TEN/{year}/{d6}", "{d8}-{d2}", "00{d6}/{k}", "Rent account {d10}", "rent ref {d9}", "{d7}.{d2}", "H{d7}", "{d4}-{d4}-{d2}", "UPRN {d12}",
    "UPRN 1000{d8}", "Tenancy {d6}, flat {flat}", "council tax {d9}", "HB claim {d8}", "allpay 9826 {e4} {e4} {e4} {e3}", "9826{d12}{d3}",
    "NHS {d3} {d3} {d4}", "PCN OA{d8}", "case {year}-{d5}", "property {d5} block {d3} tenancy {d2}", "{d6} {d6}", "tenancies {d7}, {d7} and {d7}",
    "MPAN {mpan}", "MPAN 0{k} 801 {d3} {mpan}", "MPRN {d10}", "UC claim {d4} {d4} {d4}", "applicant {d8} band B", "{year}/{mm}/{d5}",
    "acc {d10} {d2}", "Payment ref {d11}", "prop ref {d4}/{d3}/{d2}", "{year}{mm}{dd}{d4}", "{d5} {flat} {street}", "key safe code {d4}, tenancy {d8}",
]
TENANCY_UNSEEN = ["legacy {d6}/{d4}", "ref {d3}-{d3}-{d3}", "{d9} (was {d9})", "ASB{year}{d4}", "tenancy no. {d8} started {dd}.{mm}.{year}", "void {d7} {dd}-{mm}-{year}"]


def tenancy_references(rng, unseen):
    told = {f"d{n}": digits(rng, n) for n in range(2, 13)}
    told.update(year=rng.randint(1998, 2026), mm=f"{rng.randint(1, 12):02}", dd=f"{rng.randint(1, 28):02}", flat=rng.randint(1, 99), k=rng.randint(1, 9),
                e4=digits(rng, 4), e3=digits(rng, 3), street=rng.choice(["High Street", "Mill Lane", "Park Road"]),
                mpan=f"{rng.randint(10, 29)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 3)}")
    return rng.choice(TENANCY + (TENANCY_UNSEEN if unseen else [])).format(**told)


NI = [
    "{ni}", "{ni}", "{ni}", "{ni}", "NI {ni}", "NINO: {ni}", "{ni} dob {dd}/{mm}/{yyyy}", "NI no. {ni}, born {dd} {month} {yyyy}", "{who} {ni}", "{ni} / {ni2}",
    "UTR {utr} NI {ni}", "passport {passport}, {ni}", "{ni} share code W{d8}", "DVLA TENAN{d6}AB9XY {ni}", "{ni} since {yyyy}", "{ni}, {ni2}",
]
NI_UNSEEN = ["{ni} ({dd}.{mm}.{yyyy})", "temp NI TN{dd}{mm}{yy}M, now {ni}", "BRP RE{d7} {ni}", "{ni} UTR {utr} {d3}"]


def ni_number(rng):
    pair = rng.choice("ABCEGHJKLMNPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")
    groups = [pair, digits(rng, 2), digits(rng, 2), digits(rng, 2), rng.choice("ABCD")]
    return rng.choice(["", "", " ", " ", "-"]).join(groups)


def ni_numbers(rng, unseen):
    told = {"ni": ni_number(rng), "ni2": ni_number(rng), "dd": f"{rng.randint(1, 28):02}", "mm": f"{rng.randint(1, 12):02}", "yyyy": rng.randint(1930, 2008),
            "yy": digits(rng, 2), "month": rng.choice(MONTHS), "who": rng.choice(NAMES), "utr": digits(rng, 5) + rng.choice(["", " "]) + digits(rng, 5),
            "passport": digits(rng, 9), "d8": digits(rng, 8), "d6": digits(rng, 6), "d7": digits(rng, 7), "d3": digits(rng, 3)}
    return rng.choice(NI + (NI_UNSEEN if unseen else [])).format(**told)


INVOICES = [
    "INV-{year}-{d5}", "INV{d6}", "Invoice {d8}", "Inv. {d7} of {dd}/{mm}/{year}", "PO {d10}", "PO 45000{d5}", "PO 45000{d5}-{d2}", "invoices {d6}, {d6} and {d6}", "{year}{mm}{dd}-{d4}",
    "credit note CN{d7}", "SI-{d6}/{k}", "order 20{k}-{d7}-{d7}", "WO {d8}", "job {d7} completed {dd} {month}", "RM tracking AB{d9}GB", "parcel 15{d12}", "quote Q{d5} \u00a3{amount}",
    "invoice no {d9} for \u00a3{amount}", "{d6}/{d2}", "our ref {d5}/{d4}/{k}", "VAT {d3} {d4} {d2}", "VAT GB{d9}", "company {d8}", "batch {d4} {year} {d6}", "receipt {d6} {amount}",
    "INV {d6} {dd}.{mm}.{year}", "cheque {d6} for {amount}", "works order {d6} var {k}", "direct debit {d6} {year}-{mm}-{dd}", "GRN {d8} line {k}0", "serial {d10}", "{d8} {amount}",
]
INVOICES_UNSEEN = ["remittance {d9}; inv {d7} \u00a3{amount}", "stmt {year}/{mm} no {d5}", "inv {d6}-{d3}", "{d7} (paid {dd}-{mm}-{year})", "contract {d4}.{d3}.{d2}"]


def invoice_numbers(rng, unseen):
    told = {f"d{n}": digits(rng, n) for n in range(2, 13)}
    told.update(year=rng.randint(2015, 2026), mm=f"{rng.randint(1, 12):02}", dd=f"{rng.randint(1, 28):02}", k=rng.randint(1, 9), month=rng.choice(MONTHS),
                amount=f"{rng.randint(1, 4000)}.{digits(rng, 2)}")
    return rng.choice(INVOICES + (INVOICES_UNSEEN if unseen else [])).format(**told)


FIGURES = [
    "Rent of \u00a3{a} due {dd} {month} {year}, \u00a3{b} received", "{dd}/{mm}/{year} {a} {b}", "{iso} {a} {b}", "{iso}\t{a}\t{b}\t{c}", "from {iso} to {iso2}", "{iso} - {iso2}", "{dot} - {dot2}",
    "Electric {r5} on {dd}/{mm}, {s5} today", "readings {r5}, {s5}, {t5}", "gas {r4} then {s4}", "meter {serial} reads {r5}", "E7 day {r5} night {s5}", "water {r4}.{d3} m3",
    "{dd}.{mm}.{year} {hh}:{mi} arrived, {hh}:{mj} left", "balance {a} on {iso} and {b} on {iso2}", "arrears \u00a3{thousands}, plan \u00a3{c} a week for {n} weeks", "{n} visits, {k} missed, {d2}% done",
    "Boiler {r4} hPa {k}.{d2} bar, serial {serial}", "{iso} {hh}:{mi}:{mj} read {r5}", "DOB {dd}-{mm}-19{d2}, moved in {iso}", "{a} + {b} = {c}", "paid {a}, {b} and {c} in {month}",
    "{dd} {month}: {r5}. {dd2} {month}: {s5}.", "room {k} {d2} m2, {d3} x {d3} cm", "HB \u00a3{a}/wk from {dd}/{mm}/{year} to {dd2}/{mm}/{year}", "{year}-{year2} budget {thousands}", "Smart meter {r5} {iso}",
    "ledger {iso} {a} {iso2} {b}", "{a} {iso} {b}", "{a}\t{iso}\t{b}\t{iso2}", "{r5} {s5} on {dd} {month}", "Week {n}: {a}; week {n2}: {b}", "temps {d2} {d2} {d2} {d2}", "{a} {b} {c}", "CO2 {r4} ppm at {hh}.{mi} on {dot}",
]
FIGURES_UNSEEN = [
    "{dot} {a} / {dot2} {b}", "opening {r5} closing {s5} used {n}", "{a} due {iso}, {b} due {iso2}, {c} due in {month}", "{dd}-{mm}-{year} {hh}.{mi} {a}", "Jan {a} Feb {b} Mar {c}", "{year} {a} {year2} {b}",
    "imp {r5} exp {s5} {dd}/{mm}",
]


def figures_and_dates(rng, unseen):
    day = datetime.date(2015, 1, 1) + datetime.timedelta(days=rng.randint(0, 4300))
    later = day + datetime.timedelta(days=rng.choice([7, 28, 30, 31, 90, 365]))
    # Rents and bills lie where they do: most between 40 and 900.
    amount = lambda: f"{rng.choice([rng.randint(40, 900), rng.randint(1, 60), rng.randint(400, 700)])}.{rng.choice([digits(rng, 2), '00', '50'])}"
    reading = rng.randint(100, 99_000)
    told = {"a": amount(), "b": amount(), "c": amount(), "iso": day.isoformat(), "iso2": later.isoformat(), "dot": day.strftime("%d.%m.%Y"), "dot2": later.strftime("%d.%m.%Y"),
            "dd": f"{day.day:02}", "dd2": f"{later.day:02}", "mm": f"{day.month:02}", "year": day.year, "year2": day.year + 1, "month": rng.choice(MONTHS), "hh": f"{rng.randint(7, 20):02}",
            "mi": f"{rng.randint(0, 59):02}", "mj": f"{rng.randint(0, 59):02}", "r5": f"{reading:05}", "s5": f"{reading + 212:05}", "t5": f"{reading + 431:05}", "r4": f"{reading % 10_000:04}",
            "s4": f"{(reading + 37) % 10_000:04}", "serial": rng.choice(["", "E", "Z18N"]) + digits(rng, rng.choice([7, 8, 9])), "thousands": f"{rng.randint(1, 9)},{digits(rng, 3)}.{digits(rng, 2)}",
            "n": rng.randint(2, 30), "n2": rng.randint(31, 52), "k": rng.randint(1, 9), "d2": digits(rng, 2), "d3": digits(rng, 3)}
    return rng.choice(FIGURES + (FIGURES_UNSEEN if unseen else [])).format(**told)


CLASSES = {
    "cards_unbroken": (cards_unbroken, CARDS_A_CLASS),
    "cards_grouped": (cards_grouped, CARDS_A_CLASS),
    "cards_in_prose": (cards_in_prose, CARDS_A_CLASS),
    "cards_in_other_digits": (cards_in_other_digits, CARDS_A_CLASS),
    "cards_in_look_alikes": (cards_in_look_alikes, CARDS_A_CLASS),
    "cards_from_the_clipboard": (cards_from_the_clipboard, CARDS_A_CLASS),
    "phones": (phones, OTHERS_A_CLASS),
    "bank_accounts": (bank_accounts, OTHERS_A_CLASS),
    "ibans": (ibans, OTHERS_A_CLASS),
    "tenancy_references": (tenancy_references, OTHERS_A_CLASS),
    "ni_numbers": (ni_numbers, OTHERS_A_CLASS),
    "invoice_numbers": (invoice_numbers, OTHERS_A_CLASS),
    "figures_and_dates": (figures_and_dates, OTHERS_A_CLASS),
}


def texts():
    """Every file of the corpus, by its path below this folder."""
    for half in HALVES:
        for name, (make, count) in CLASSES.items():
            rng = random.Random(f"{SEED} {half} {name}")
            lines = [make(rng, half == "held_out") for _ in range(count)]
            assert not any("\n" in line or "\r" in line for line in lines), name
            yield f"{half}/{name}.txt", "".join(line + "\n" for line in lines)


def main():
    here = Path(__file__).resolve().parent
    different = []
    for path, text in texts():
        if "--check" in sys.argv[1:]:
            kept = here / path
            if not kept.exists() or kept.read_bytes() != text.encode():
                different.append(path)
            continue
        (here / path).parent.mkdir(exist_ok=True)
        (here / path).write_bytes(text.encode())
    if different:
        sys.exit(f"differ from what this script makes: {', '.join(different)}")


if __name__ == "__main__":
    main()
