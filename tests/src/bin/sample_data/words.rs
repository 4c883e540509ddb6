//! What names and texts are made of.

pub(crate) const GIVEN_NAMES: &[&str] = &[
    "Abena", "Adeel", "Agnes", "Aisling", "Alasdair", "Amara", "Anjali", "Arthur", "Asha", "Beatrice", "Bogdan",
    "Branwen", "Callum", "Carys", "Chidi", "Dariusz", "Deepa", "Dilys", "Dorothy", "Edith", "Ekow", "Elif", "Emrys",
    "Farida", "Fergus", "Florence", "Gareth", "Gita", "Grace", "Hamza", "Harriet", "Ifeoma", "Imran", "Iris", "Jamal",
    "Jean", "Joyce", "Kasia", "Kwame", "Leila", "Lloyd", "Mabel", "Maryam", "Mei", "Moira", "Nasreen", "Neville",
    "Niamh", "Olive", "Owen", "Parveen", "Pearl", "Rahul", "Reuben", "Rhiannon", "Rosa", "Samir", "Siân", "Stanley",
    "Tomasz", "Una", "Vikram", "Winifred", "Yusuf", "Zainab", "Zoë",
];

pub(crate) const FAMILY_NAMES: &[&str] = &[
    "Abara",
    "Ackerley",
    "Ahmadi",
    "Alderwick",
    "Amponsah",
    "Ashgrove",
    "Bagshott",
    "Banerjee",
    "Barrowby",
    "Begum",
    "Birkin",
    "Boateng",
    "Brackwell",
    "Cadwallon",
    "Chaudry",
    "Clutterby",
    "Copplestone",
    "Dacosta",
    "Dalgarno",
    "Demir",
    "Dunthorpe",
    "Eastlake",
    "Efford",
    "Fairweather",
    "Farquharson",
    "Gillespie",
    "Gosling",
    "Grabowski",
    "Haddow",
    "Halliwell",
    "Hashemi",
    "Hollins",
    "Idowu",
    "Inchbald",
    "Jankowski",
    "Jellicoe",
    "Kaur",
    "Kettlewell",
    "Kowalczyk",
    "Lacey-Hart",
    "Lockyer",
    "Mahmoud",
    "Marchbanks",
    "McAusland",
    "Mensah",
    "Merriweather",
    "Nakamura",
    "Nettlefold",
    "O'Rafferty",
    "Okonjo",
    "Oyelaran",
    "Pargeter",
    "Penhaligon",
    "Quigley",
    "Rahmani",
    "Ravenscroft",
    "Sandhu",
    "Satterthwaite",
    "Scrimgeour",
    "Siddiqui",
    "Snowdrop",
    "Tamang",
    "Thistlewood",
    "Trelawny",
    "Uddin",
    "Vasquez",
    "Wanjiru",
    "Weatherby",
    "Whitlock",
    "Yeboah",
    "Zielinski",
];

pub(crate) const CARE_NEEDS: &[&str] = &[
    "Insulin twice a day; a carer comes at 8 and at 18.",
    "Hard of hearing: knock loudly, then wait; the left ear is the better one.",
    "Registered blind; reads large braille letters, so send nothing in small print.",
    "Early dementia. Repeat what was agreed and leave it in writing on the kitchen table.",
    "Asthma, made worse by damp; an inhaler is kept by the front door.",
    "Recovering from a hip operation; needs a raised seat and a rail in the bathroom.",
    "Epilepsy. In a seizure: clear the space, time it, call 999 after five minutes.",
    "Anxious with strangers: agree visits by telephone the day before and come alone.",
    "Uses oxygen at home; no open flame and no smoking anywhere in the flat.",
    "Cannot lift more than a kettle; shopping is brought on Tuesdays.",
    "Depression; a support plan with the community team has been agreed and is going well.",
    "Severe nut allergy; adrenaline pen in the blue box on the shelf.",
    "Speaks little English; prefers an interpreter for Somali to family members.",
    "Arthritis in both hands: cannot turn the old taps or open tight windows.",
    "Needs help with letters and forms; ask before reading anything aloud.",
    "Parkinson's; best visited late in the morning, when the medication works.",
    "A child with autism lives here; no alarms are tested without a day's notice.",
    "Falls alarm worn on the wrist; the test call is on the first Monday of the month.",
];

pub(crate) const ACCESS_NOTES: &[&str] = &[
    "Key safe by the meter cupboard; the code is kept with the duty manager.",
    "The lift is small: a wheelchair has to go in backwards.",
    "Ring the second bell, the first is broken.",
    "Friendly dog; ask for it to be put in the kitchen.",
    "The intercom cannot be heard inside, telephone from the door.",
    "Use the side entrance, there is a step at the front.",
    "A neighbour at number 4 holds a spare key and has agreed to it.",
    "Do not come before 10.",
    "Two visitors at a time, by the risk assessment.",
    "Narrow hall: equipment has to be carried through the garden.",
];

pub(crate) const CREDITORS: &[&str] = &[
    "Rent account",
    "Council tax",
    "Service charge",
    "Larkfield Energy",
    "Tarn and Vale Water",
    "Quayside Catalogue",
    "Copperbeech Loans",
    "Hartsmere Credit Union",
    "Whinfell Broadband",
    "Osprey Mobile",
    "Furness Street Furniture",
    "Bellwether Insurance",
    "Social fund loan",
    "Parking penalty",
];

pub(crate) const COMPLAINTS: &[&str] = &[
    "The boiler has failed {n} times this winter and the house was without heating each time.",
    "Damp has spread across the bedroom wall; it was painted over {n} months ago and came back.",
    "The lift was out of order for {n} days and nobody told those who cannot take the stairs.",
    "A repair to the kitchen ceiling was booked {n} times and nobody came.",
    "Noise from the flat above after midnight, {n} nights in the last month.",
    "The rent statement shows {n} payments as missing that the bank shows as made.",
    "A contractor left the front door open and {n} parcels were taken from the hall.",
    "Letters about another tenant's arrears were put through the door, {n} in all.",
    "The shared garden has not been cut for {n} months although it is in the service charge.",
    "The officer on the telephone was rude and ended the call after {n} minutes.",
    "Rats in the bin store, reported {n} weeks ago.",
    "The window of the children's room does not lock, reported {n} weeks ago.",
];

pub(crate) const COMPLAINT_FOLLOW_UPS: &[&str] = &[
    "Asks for a date and for somebody to keep it.",
    "Asks for an apology and for the extra cost of heating.",
    "Has photographs and a diary.",
    "Asks that it is put right before the winter.",
    "Has asked a councillor for help.",
    "Wants to know who decided this and why.",
    "Would accept another contractor.",
    "Asks for part of the service charge back.",
];

pub(crate) const WITNESS_STATEMENTS: &[&str] = &[
    "I live across the landing and I heard it too, most nights from about half past twelve.",
    "I was there when the contractor left. The door stood open for at least an hour.",
    "I saw the water come through the ceiling and helped to carry the boxes out.",
    "The call was on the loudspeaker; I heard all of it and the tone was not acceptable.",
    "My own flat has the same damp on the same wall. I will say so to anyone who asks.",
    "I waited there all afternoon for the appointment. Nobody came and nobody rang.",
    "I have seen the rats twice, both times in daylight, by the second bin.",
    "I carried the shopping up four floors because the lift did not work that week.",
];

pub(crate) const STREETS: &[&str] = &[
    "Larkfield Terrace",
    "Quayside Court",
    "Copperbeech Road",
    "Tarn View",
    "Whinfell House",
    "Osprey Walk",
    "Furness Street",
    "Bellwether Close",
    "Hartsmere Gardens",
    "Ropery Lane",
    "Saltpan Row",
    "Juniper Rise",
];

pub(crate) const TOWNS: &[&str] =
    &["Oakvale", "Brookside", "Netherwick", "Upper Tarnby", "Marlow Sands", "Kettlebridge", "Stony Haver"];

pub(crate) const CONTACT_WARNINGS: &[&str] = &[
    "Do not tell anyone who rings that this person lives here.",
    "Write to the support worker's office, never to the home.",
    "Ask before leaving a message; the telephone is shared.",
    "Letters in plain envelopes without our name on them.",
];

pub(crate) const REPAIRS: &[(&str, &str)] = &[
    ("plumbing", "The kitchen tap drips day and night."),
    ("plumbing", "No water pressure upstairs since the main was changed."),
    ("heating", "The boiler goes out after ten minutes and shows a red light."),
    ("heating", "Two radiators stay cold although all valves are open."),
    ("electrical", "The socket by the cooker sparks when something is plugged in."),
    ("electrical", "The light on the landing flickers and then trips the fuse."),
    ("joinery", "The front door sticks and cannot be locked from inside."),
    ("joinery", "A kitchen cupboard has come off the wall."),
    ("roofing", "A slate is missing and water comes in above the bathroom."),
    ("damp", "Black mould behind the wardrobe, back again after the wash-down."),
    ("other", "The bin store door does not close; foxes get in."),
];

pub(crate) const CURRENT_HOMES: &[&str] = &[
    "Shares one room with two children at a relative's.",
    "Private let that ends in March; the landlord is selling.",
    "Third floor without a lift since the accident.",
    "Hostel place, six months at the most.",
    "Overcrowded: four people in a one-bedroom flat.",
    "Empty bedrooms since the children left; would move to a smaller home.",
];

pub(crate) const ADAPTATIONS: &[&str] = &[
    "Level-access shower and a second handrail on the stairs.",
    "Ground floor, doors wide enough for a wheelchair.",
    "Flashing doorbell and smoke alarm.",
    "Raised sockets and lever taps.",
    "Room for an overnight carer.",
];

pub(crate) const FEEDBACK: &[&str] = &[
    "Came when they said and cleaned up afterwards.",
    "Good work, but nobody rang before they came.",
    "The stairs are swept, the windows are not.",
    "Two visits for what one could have done.",
    "Very patient with my questions.",
    "The grass was cut in the rain and left in heaps.",
    "Access was refused twice; the key safe code was out of date.",
];

pub(crate) const HEALTH_NOTES: &[&str] = &[
    "Award includes the limited-capability element after an assessment.",
    "Carer's element for looking after a parent in the same home.",
    "Disability premium confirmed by letter.",
];

pub(crate) const AGENCIES: &[&str] = &["Cloudberry Credit Data", "Northfold References", "Plainview Bureau"];

pub(crate) const CREDIT_FINDINGS: &[&str] = &[
    "Two accounts in arrears, both under an arrangement.",
    "No adverse entries in six years.",
    "One county court judgment, satisfied.",
    "Thin file: no credit taken out so far.",
    "Linked to a previous address with open accounts.",
];

pub(crate) const SERVICES: &[&str] = &[
    "Garden upkeep",
    "Parking space",
    "Garage rental",
    "Community alarm",
    "Laundry room",
    "Furnished let",
    "Window cleaning",
    "Heating charge",
];

pub(crate) const ETHNICITIES: &[&str] = &[
    "Asian or Asian British: Indian",
    "Asian or Asian British: Pakistani",
    "Black or Black British: African",
    "Black or Black British: Caribbean",
    "Mixed: White and Asian",
    "White British",
    "White Irish",
    "White: Polish",
    "Any other background",
    "Prefers not to say",
];

pub(crate) const DISABILITIES: &[&str] = &[
    "Mobility, uses a stick outdoors.",
    "Long-term illness that varies from week to week.",
    "Hearing loss in both ears.",
    "Sight loss, registered.",
    "Learning disability, with support.",
    "Mental health condition.",
];

pub(crate) const SCOPES: &[&str] = &[
    "Everything about rent and service charge.",
    "Repairs: may report, agree dates and let people in.",
    "May be told everything and decide nothing.",
    "Moves and housing applications.",
    "All matters, under a power of attorney.",
];

pub(crate) const EVIDENCE: &[&str] = &[
    "Signed form of appointment",
    "Registered power of attorney, copy seen",
    "Court order, copy seen",
    "Said so in person, confirmed by letter",
    "Letter of authority from the solicitor",
];

pub(crate) const AGREED_USES: &[&str] = &[
    "Tenants' newsletter, print and web, this year.",
    "One poster about the garden day.",
    "A short film about moving in, on our own site.",
    "Annual report, first name only.",
    "Exhibition in the community room.",
];

pub(crate) const PUBLISHED: &[&str] = &[
    "Newsletter of March, page 2",
    "Poster in all stairwells",
    "Own site, story of the month",
    "Annual report, page 9",
    "Community room, east wall",
];

pub(crate) const INCIDENTS: &[(&str, &str)] = &[
    ("anti-social-behaviour", "Shouting and loud music until four in the morning, the third night running."),
    ("anti-social-behaviour", "Rubbish thrown from the balcony onto the play area."),
    ("damage", "The glass of the entrance door was kicked in."),
    ("accident", "Slipped on the wet stairs; an ambulance was called."),
    ("accident", "Scalded by a tap that ran too hot after a repair."),
    ("threat", "Told the caretaker that he would be sorry if he came back."),
    ("other", "A dog off the lead in the lift, twice this week."),
];

pub(crate) const INCIDENT_ACTIONS: &[&str] = &[
    "Spoke to both households; wrote it up; a letter follows.",
    "Reported to the council's noise team.",
    "Repaired the same day; the cost was charged to nobody.",
    "Visit by two officers, calm; review in three months.",
    "Mediation was offered and accepted.",
];

pub(crate) const ALLEGATIONS: &[&str] = &[
    "Neighbours say that drugs are sold from the flat.",
    "Said to have struck a visitor; no report was made to the police.",
    "Said to have taken parcels from the hall.",
];

pub(crate) const OTHER_PARTIES: &[&str] = &[
    "The neighbour below, who kept the diary of the nights.",
    "A visitor, named by two households.",
    "The neighbour opposite, who was pushed.",
];

pub(crate) const OFFENCES: &[&str] = &[
    "Criminal damage to a front door.",
    "Threatening words to a member of staff.",
    "Assault at another address.",
    "Fraud over a sub-let.",
];

pub(crate) const RISKS: &[&str] = &[
    "Visits by two, in daylight.",
    "Interviews at the office only.",
    "No known risk to staff.",
    "Telephone before every visit; ask the police for news at review.",
];

pub(crate) const LETTERS: &[(&str, &str)] = &[
    ("Rent statement", "I do not understand the third line of my statement. Please tell me what it is for."),
    ("My bathroom", "The shower you promised in spring is still not there. I would like a date."),
    ("Swap with a neighbour", "Mrs Quigley and I would like to exchange our flats. What do we have to do?"),
    ("Change of name", "I have married and would like my new name on everything you send."),
    ("Parking", "Somebody without a permit stands in my space every evening."),
    ("Thank you", "The people who came on Monday were kind to my mother. Please tell them."),
];

pub(crate) const FACTS: &[&str] = &[
    "Rang about the heating; was told that an engineer comes tomorrow.",
    "Visited as agreed; nobody opened; left a card.",
    "Asked for a copy of the tenancy agreement.",
    "Reported that the intercom works again.",
    "Asked when the scaffolding goes; I did not know.",
    "Called back as promised; the matter is settled.",
];

pub(crate) const ACTIONS_TAKEN: &[&str] = &[
    "Passed on to repairs.",
    "Copy sent by post.",
    "A new visit was booked.",
    "Noted, nothing more to do.",
    "Asked the contractor and rang back.",
];

pub(crate) const PLATFORMS: &[&str] = &["Neighbourly Board", "Chatterbird Feed", "Estate Forum"];

pub(crate) const POSTS: &[&str] = &[
    "Lift broken again, third time this month!",
    "Thanks for the new benches by the pond.",
    "Does anybody know when the bins are collected over the holidays?",
    "Our stairwell has never looked better. Well done.",
];
