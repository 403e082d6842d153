//! Word lists for the demo's people: names by where families come from, places, streets, trades, telephones.
//! The combinations are invented. Lists of family names begin with the commonest, which are picked more often, so that
//! a search for them finds several people, as in life.

/// Names of families that came from one part of the world.
pub struct Culture {
    /// Women's names: one list, or one each for the old, the middle and the young generation.
    pub women: &'static [&'static [&'static str]],
    /// Men's names, likewise.
    pub men: &'static [&'static [&'static str]],
    /// Family names, the commonest first.
    pub families: &'static [&'static str],
    /// The language some of them prefer to English.
    pub language: Option<&'static str>,
}

pub static ENGLISH: Culture = Culture {
    women: &[
        &[
            "Margaret", "Dorothy", "Barbara", "Judith", "Carol", "Nancy", "Patricia", "Beverly", "Lois", "Joan",
            "Eleanor", "Shirley", "Janet", "Ruth", "Evelyn", "Marjorie", "Constance", "Loretta", "Geraldine",
        ],
        &[
            "Jennifer", "Kimberly", "Lisa", "Michelle", "Amy", "Angela", "Melissa", "Rebecca", "Tamika", "Stephanie",
            "Heather", "Christine", "Denise", "Tracy", "Monique", "Rachel", "Laura", "Deborah", "Katherine", "Yolanda",
        ],
        &[
            "Madison", "Hannah", "Olivia", "Abigail", "Aaliyah", "Brianna", "Emily", "Kayla", "Imani", "Savannah",
            "Chloe", "Grace", "Zoe", "Jasmine", "Alexis", "Morgan", "Paige", "Destiny", "Samantha", "Elizabeth",
        ],
    ],
    men: &[
        &[
            "Robert", "William", "Harold", "Donald", "Raymond", "Walter", "Gerald", "Eugene", "Roger", "Leonard",
            "Norman", "Clarence", "Stanley", "Wendell", "Lawrence", "Theodore", "Vernon", "Curtis",
        ],
        &[
            "Michael", "David", "Brian", "Kevin", "Jeffrey", "Scott", "Timothy", "Gregory", "Darnell", "Marcus",
            "Craig", "Todd", "Anthony", "Keith", "Derrick", "Douglas", "Jonathan", "Christopher", "Andre", "Matthew",
        ],
        &[
            "Tyler", "Joshua", "Ethan", "Jayden", "Dylan", "Malik", "Caleb", "Noah", "Hunter", "Elijah", "Logan",
            "Isaiah", "Benjamin", "Samuel", "Nathaniel", "Xavier", "Connor", "Zachary", "Alexander", "Trevon",
        ],
    ],
    families: &[
        "Smith", "Johnson", "Williams", "Brown", "Jones", "Davis", "Miller", "Wilson", "Moore", "Taylor", "Anderson",
        "Thomas", "Jackson", "White", "Harris", "Clark", "Lewis", "Robinson", "Walker", "Young", "Allen", "Wright",
        "Scott", "Hill", "Green", "Adams", "Baker", "Nelson", "Carter", "Mitchell", "Roberts", "Turner", "Phillips",
        "Campbell", "Parker", "Evans", "Collins", "Stewart", "Morris", "Cook", "Rogers", "Morgan", "Cooper", "Reed",
        "Bailey", "Bell", "Washington", "Banks", "Booker", "Whitfield", "Winslow", "Pemberton", "Hathaway", "Ashworth",
        "Lockwood", "Prescott", "Merriweather", "Holloway", "Featherstone", "St. Clair", "D'Angelo-Price",
        "Thistlewood", "Coffin", "Pettigrew",
    ],
    language: None,
};

pub static SPANISH: Culture = Culture {
    women: &[&[
        "María", "Guadalupe", "Carmen", "Ana", "Rosa", "Lucía", "Gabriela", "Valentina", "Ximena", "Paola", "Marisol",
        "Inés", "Beatriz", "Sofía", "Yesenia", "Itzel", "Noemí", "Consuelo", "Alejandra", "Pilar",
    ]],
    men: &[&[
        "José", "Juan", "Luis", "Carlos", "Jesús", "Miguel", "Rafael", "Andrés", "Héctor", "Diego", "Emiliano",
        "Ramón", "Óscar", "Fernando", "Joaquín", "Raúl", "Esteban", "Mateo", "Iván", "Santiago",
    ]],
    families: &[
        "Garcia", "Rodriguez", "Martinez", "Hernandez", "Lopez", "Gonzalez", "Perez", "Sanchez", "Ramirez", "Torres",
        "Flores", "Rivera", "Gómez", "Díaz", "Reyes", "Cruz", "Morales", "Ortiz", "Gutiérrez", "Chávez", "Ramos",
        "Castillo", "Núñez", "Peña", "Ibáñez", "de la Cruz", "del Valle", "Ocampo", "Villaseñor", "Zúñiga", "Muñoz",
        "Arámbula",
    ],
    language: Some("es"),
};

pub static IRISH: Culture = Culture {
    women: &[&[
        "Siobhán", "Maeve", "Bridget", "Kathleen", "Eileen", "Aoife", "Niamh", "Colleen", "Maureen", "Róisín",
        "Deirdre", "Nora",
    ]],
    men: &[&[
        "Patrick", "Seán", "Brendan", "Declan", "Liam", "Ronan", "Cormac", "Dermot", "Finbar", "Eamon", "Kieran",
        "Terrence",
    ]],
    families: &[
        "Murphy", "O'Brien", "Kelly", "Sullivan", "O'Connor", "Walsh", "Ryan", "O'Neill", "McCarthy", "Doyle",
        "Gallagher", "O'Leary", "McGrath", "Fitzgerald", "Donnelly", "Ó Súilleabháin", "MacNamara", "O'Shaughnessy",
        "Quinlan", "Tierney",
    ],
    language: None,
};

pub static FRENCH: Culture = Culture {
    women: &[&[
        "Hélène", "Geneviève", "Chloé", "Thérèse", "Colette", "Marie-Claire", "Élise", "Noëlle", "Sylvie", "Océane",
        "Anaïs", "Solange",
    ]],
    men: &[&[
        "François", "Étienne", "Luc", "Rémi", "Jean-Paul", "Gaétan", "Benoît", "Armand", "Lucien", "Théo", "Yves",
        "Raoul",
    ]],
    families: &[
        "Pelletier", "Ouellette", "Michaud", "Cyr", "Levesque", "Gagnon", "Thibodeau", "Bouchard", "Côté", "Bélanger",
        "LeBlanc", "Beauchamp", "Desjardins", "St-Pierre", "L'Heureux", "Archambault", "Toussaint", "Baptiste",
        "Lafrenière",
    ],
    language: Some("fr"),
};

pub static GERMAN: Culture = Culture {
    women: &[&[
        "Ursula", "Greta", "Heidi", "Annelise", "Käthe", "Ingrid", "Lotte", "Marlene", "Frieda", "Sabine", "Renate",
    ]],
    men: &[&["Jürgen", "Karl", "Dieter", "Otto", "Günther", "Heinz", "Lukas", "Emil", "Rolf", "Conrad", "Wolfgang"]],
    families: &[
        "Schmidt", "Mueller", "Schneider", "Meyer", "Wagner", "Becker", "Schultz", "Hoffmann", "Koch", "Bauer",
        "Krüger", "Weiß", "Zimmerman", "Oberholtzer", "von Ahnen", "Vogelsang", "Dreher", "Schäfer", "Kuhlmann",
        "Stoltzfus",
    ],
    language: None,
};

pub static NORDIC: Culture = Culture {
    women: &[&[
        "Astrid", "Solveig", "Ingeborg", "Kirsten", "Linnéa", "Sigrid", "Maja", "Åsa", "Karin", "Tove", "Kaisa",
    ]],
    men: &[&["Søren", "Erik", "Lars", "Bjørn", "Nils", "Gunnar", "Leif", "Håkon", "Torvald", "Anders", "Åke", "Eino"]],
    families: &[
        "Olson", "Larson", "Hansen", "Peterson", "Swanson", "Lindqvist", "Bergström", "Jørgensen", "Sørensen",
        "Halvorson", "Lindgren", "Tveit", "Korhonen", "Mäkelä", "Østergaard", "Nygård", "Ekblad", "Thorvaldsen",
    ],
    language: None,
};

pub static POLISH: Culture = Culture {
    women: &[&[
        "Agnieszka", "Małgorzata", "Halina", "Zofia", "Danuta", "Katarzyna", "Wanda", "Bożena", "Ewa", "Jadwiga",
    ]],
    men: &[&["Łukasz", "Zbigniew", "Stanisław", "Casimir", "Tomasz", "Paweł", "Marek", "Bogdan", "Wojciech", "Jerzy"]],
    families: &[
        "Nowak", "Kowalski", "Wiśniewski", "Wojcik", "Kaminski", "Zieliński", "Szymanski", "Dąbrowski", "Wróbel",
        "Grabowski", "Szczepański", "Brzezicki", "Jabłoński", "Krzemień",
    ],
    language: None,
};

pub static ITALIAN: Culture = Culture {
    women: &[&["Francesca", "Concetta", "Gianna", "Rosalia", "Lucia", "Donatella", "Carmela", "Silvana", "Nicoletta"]],
    men: &[&["Salvatore", "Vincenzo", "Dominic", "Carmine", "Niccolò", "Angelo", "Rocco", "Luca", "Giancarlo", "Enzo"]],
    families: &[
        "Russo", "Esposito", "Romano", "Colombo", "Marino", "De Luca", "D'Amico", "Conti", "Giordano", "Rizzo",
        "Dell'Orto", "Caruso", "Santangelo", "D'Agostino", "Fontanarosa", "Bevilacqua",
    ],
    language: None,
};

pub static PORTUGUESE: Culture = Culture {
    women: &[&["Fátima", "Conceição", "Luísa", "Inês", "Graça", "Natália", "Teresa", "Júlia", "Leonor", "Odete"]],
    men: &[&["João", "António", "Manuel", "Tiago", "Nuno", "Gonçalo", "Duarte", "Rui", "Zé", "Vasco", "Amílcar"]],
    families: &[
        "Silva", "Santos", "Ferreira", "Pereira", "Oliveira", "Medeiros", "Sousa", "Furtado", "Araújo", "Gonçalves",
        "da Costa", "dos Reis", "Correia", "Fernandes", "Simões", "Barbosa", "Arruda",
    ],
    language: Some("pt"),
};

pub static VIETNAMESE: Culture = Culture {
    women: &[&["Linh", "Thùy", "Hương", "Mai", "Ngọc", "Trang", "Phương", "Lan", "Kim-Anh", "Tuyết", "Vy"]],
    men: &[&["Minh", "Tuấn", "Hùng", "Dũng", "Khoa", "Bảo", "Quang", "Thành", "Vinh", "Đức", "Long"]],
    families: &["Nguyen", "Tran", "Nguyễn", "Le", "Pham", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Lý"],
    language: Some("vi"),
};

pub static CHINESE: Culture = Culture {
    women: &[&[
        "Mei-Ling", "Xiuying", "Yan", "Jing", "Hui-Min", "Ying", "Xiaolan", "Wenli", "Vivian", "Fiona", "Grace",
    ]],
    men: &[&["Wei", "Jian", "Haoran", "Chi-Wai", "Ming", "Zhiyuan", "Kai-Wen", "Bo", "Raymond", "Winston", "Calvin"]],
    families: &[
        "Chen", "Wang", "Li", "Zhang", "Liu", "Wong", "Chan", "Lin", "Huang", "Ng", "Cheung", "Xu", "Ouyang", "Lü",
        "Tsai",
    ],
    language: Some("zh"),
};

pub static KOREAN: Culture = Culture {
    women: &[&["Ji-woo", "Seo-yeon", "Min-jung", "Eun-ji", "Hye-jin", "Soo-ah", "Esther", "Yuna"]],
    men: &[&["Min-jun", "Ji-hoon", "Seung-min", "Dong-hyun", "Sang-woo", "Jae", "Daniel", "Tae-yang"]],
    families: &["Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Cho", "Yoon", "Seo", "Hwang", "Noh"],
    language: Some("ko"),
};

pub static INDIAN: Culture = Culture {
    women: &[&[
        "Priya", "Ananya", "Lakshmi", "Kavita", "Deepa", "Meera", "Sunita", "Aishwarya", "Harpreet", "Nandini",
        "Shreya", "Zainab",
    ]],
    men: &[&[
        "Arjun", "Rajesh", "Vikram", "Sanjay", "Rohan", "Anil", "Gurpreet", "Karthik", "Suresh", "Imran", "Venkatesh",
        "Aditya",
    ]],
    families: &[
        "Patel", "Singh", "Shah", "Kumar", "Sharma", "Reddy", "Gupta", "Iyer", "Nair", "Khan", "Desai", "Kaur",
        "Mehta", "Chatterjee", "Venkataraman", "Subramanian", "Bhattacharya", "Krishnamurthy",
    ],
    language: None,
};

pub static ARABIC: Culture = Culture {
    women: &[&["Fatima", "Layla", "Nour", "Amira", "Rania", "Hala", "Yasmin", "Samira", "Dalia", "Hanan", "Shirin"]],
    men: &[&["Omar", "Khalid", "Youssef", "Tariq", "Hassan", "Bilal", "Karim", "Nabil", "Sami", "Walid", "Farhad"]],
    families: &[
        "Hassan", "Ahmed", "Khalil", "Haddad", "Mansour", "Nasser", "al-Sayed", "Abu-Zayd", "Khoury", "Darwish",
        "El-Amin", "bin Yousef", "Saleh", "Qasim", "Rahimi", "Tehrani",
    ],
    language: Some("ar"),
};

pub static EAST_AFRICAN: Culture = Culture {
    women: &[&["Hodan", "Ayaan", "Selam", "Tigist", "Faduma", "Sagal", "Makeda", "Bethlehem", "Ifrah"]],
    men: &[&["Abdi", "Mohamud", "Dawit", "Tesfaye", "Yonas", "Guled", "Liban", "Bekele", "Warsame"]],
    families: &[
        "Mohamed", "Ali", "Abdi", "Warsame", "Tesfaye", "Haile", "Jama", "Gebremariam", "Farah", "Wolde", "Tadesse",
    ],
    language: Some("so"),
};

pub static HMONG: Culture = Culture {
    women: &[&["Mai See", "Pa Houa", "Kia", "Bao", "Gao Nou", "Yer", "Sheng", "Paj Ntaub"]],
    men: &[&["Tou", "Chue", "Pao", "Kong Meng", "Xeng", "Fue", "Nhia", "Blong"]],
    families: &["Vang", "Xiong", "Yang", "Lor", "Moua", "Her", "Thao", "Vue"],
    language: Some("hmn"),
};

pub static FILIPINO: Culture = Culture {
    women: &[&["Maria Luz", "Jocelyn", "Rowena", "Ligaya", "Imelda", "Cherry", "Analyn", "Divina"]],
    men: &[&["Rodrigo", "Benedicto", "Jericho", "Danilo", "Reynaldo", "Jun-Jun", "Crisanto", "Efren"]],
    families: &[
        "Santos", "Reyes", "Bautista", "dela Cruz", "Villanueva", "Macapagal", "Dimaculangan", "Pangilinan",
        "Magsaysay",
    ],
    language: Some("fil"),
};

pub static YORUBA: Culture = Culture {
    women: &[&[
        "Folasade", "Títílayọ̀", "Yetunde", "Omolará", "Bukola", "Ìyábọ̀", "Temitope", "Adunni", "Morenike", "Abimbola",
        "Ronke",
    ]],
    men: &[&[
        "Adébáyọ̀", "Olumide", "Babatunde", "Kọ́lá", "Segun", "Adewale", "Tunde", "Femi", "Gbenga", "Ayodele", "Wale",
    ]],
    families: &[
        "Adeyemi", "Ogunleye", "Balogun", "Adebayo", "Olatunji", "Akinwale", "Oyelaran", "Fashola", "Adékúnlé",
        "Ajayi", "Bankole", "Olúwaṣeun", "Akinyemi-Cole",
    ],
    language: None,
};

pub static IGBO: Culture = Culture {
    women: &[&[
        "Ngozi", "Chidinma", "Adaeze", "Ifeoma", "Nkechi", "Chiamaka", "Amarachi", "Ọbịageli", "Uchenna", "Ezinne",
    ]],
    men: &[&["Chinedu", "Emeka", "Obinna", "Ikenna", "Chukwuma", "Kelechi", "Uche", "Ifeanyi", "Nnamdi", "Okechukwu"]],
    families: &[
        "Okafor", "Eze", "Nwosu", "Okonkwo", "Obi", "Onyekachi", "Nwachukwu", "Umeh", "Chukwu", "Anyanwu", "Ibekwe",
        "Ezeigbo-Obi",
    ],
    language: None,
};

pub static HAUSA: Culture = Culture {
    women: &[&["Aisha", "Hadiza", "Zainab", "Maryam", "Rabi", "Halima", "Asabe", "Binta", "Hauwa", "Ladi"]],
    men: &[&["Musa", "Ibrahim", "Sani", "Aminu", "Yusuf", "Garba", "Bello", "Abubakar", "Nuhu", "Danjuma"]],
    families: &[
        "Abdullahi", "Bello", "Musa", "Garba", "Suleiman", "Danladi", "Yakubu", "Lawal", "Tanko", "Ɗanjuma", "Maikano",
    ],
    language: Some("ha"),
};

pub static BRITISH: Culture = Culture {
    women: &[&[
        "Harriet", "Imogen", "Poppy", "Gemma", "Nicola", "Carys", "Morag", "Tamsin", "Siân", "Philippa", "Jean", "Zara",
    ]],
    men: &[&[
        "Alistair", "Rhys", "Callum", "Nigel", "Hamish", "Gareth", "Oliver", "Rupert", "Iwan", "Graham", "Piers",
        "Ewan",
    ]],
    families: &[
        "Jones", "Smith", "Taylor", "Davies", "Williams", "Hughes", "Patel", "MacDonald", "Ap Rhys", "Cholmondeley",
        "Ashton-Ward", "Penhaligon", "McAllister", "Thornley", "Begum", "Oyelowo-Grant",
    ],
    language: None,
};

/// First names and what their bearers are called.
pub static CALLED: &[(&str, &str)] = &[
    ("Margaret", "Peggy"),
    ("Dorothy", "Dot"),
    ("Barbara", "Babs"),
    ("Judith", "Judy"),
    ("Patricia", "Pat"),
    ("Eleanor", "Ellie"),
    ("Constance", "Connie"),
    ("Geraldine", "Gerri"),
    ("Jennifer", "Jen"),
    ("Kimberly", "Kim"),
    ("Michelle", "Shelly"),
    ("Rebecca", "Becky"),
    ("Stephanie", "Steph"),
    ("Deborah", "Deb"),
    ("Katherine", "Kate"),
    ("Christine", "Chris"),
    ("Abigail", "Abby"),
    ("Samantha", "Sam"),
    ("Elizabeth", "Liz"),
    ("Robert", "Bob"),
    ("William", "Bill"),
    ("Harold", "Hal"),
    ("Donald", "Don"),
    ("Raymond", "Ray"),
    ("Eugene", "Gene"),
    ("Lawrence", "Larry"),
    ("Theodore", "Ted"),
    ("Michael", "Mike"),
    ("Jeffrey", "Jeff"),
    ("Timothy", "Tim"),
    ("Gregory", "Greg"),
    ("Anthony", "Tony"),
    ("Christopher", "Topher"),
    ("Matthew", "Matt"),
    ("Joshua", "Josh"),
    ("Benjamin", "Ben"),
    ("Samuel", "Sam"),
    ("Nathaniel", "Nate"),
    ("Alexander", "Alex"),
    ("Zachary", "Zach"),
    ("Guadalupe", "Lupita"),
    ("Gabriela", "Gaby"),
    ("Consuelo", "Chelo"),
    ("Alejandra", "Ale"),
    ("José", "Pepe"),
    ("Jesús", "Chuy"),
    ("Rafael", "Rafa"),
    ("Fernando", "Nando"),
    ("Bridget", "Bridie"),
    ("Kathleen", "Kath"),
    ("Patrick", "Paddy"),
    ("Terrence", "Terry"),
    ("Geneviève", "Gen"),
    ("Stanisław", "Stan"),
    ("Casimir", "Casey"),
    ("Salvatore", "Sal"),
    ("Vincenzo", "Vinnie"),
    ("Dominic", "Dom"),
    ("Concetta", "Connie"),
    ("Xiaolan", "Shelly"),
    ("Zhiyuan", "Kevin"),
    ("Xiuying", "Sue"),
    ("Ji-hoon", "Jay"),
    ("Min-jung", "Minnie"),
    ("Rajesh", "Raj"),
    ("Venkatesh", "Venky"),
    ("Aishwarya", "Aish"),
    ("Gurpreet", "Preet"),
    ("Folasade", "Sade"),
    ("Babatunde", "Tunde"),
    ("Olumide", "Olu"),
    ("Temitope", "Temi"),
    ("Chidinma", "Chichi"),
    ("Ifeanyi", "Ify"),
    ("Okechukwu", "Okey"),
    ("Chukwuma", "Chuma"),
    ("Abubakar", "Abu"),
    ("Alistair", "Ali"),
    ("Philippa", "Pippa"),
    ("Oliver", "Ollie"),
];

/// Names that belong to somebody everybody knows; whoever draws one draws again.
pub static FAMOUS: &[&str] = &[
    "Michael Jackson", "Robert Smith", "David Scott", "William Scott", "Michael Jordan", "Gregory Allen",
    "Samuel Jackson", "Jonathan Davis", "Anthony Davis", "Alexander Hill", "Samuel Adams", "Walter Scott",
    "Elizabeth Taylor", "Jennifer Lopez", "Robert Walker", "Theodore Roberts", "Carlos Santana", "Liam O'Neill",
    "Donald Walsh", "Judith Collins", "Zoe Taylor", "Nancy Davis", "Evelyn Moore", "Barbara Walters", "Luis Díaz",
    "Jesús García", "Juan Perez", "Diego Torres", "Angela Davis", "Roger Taylor", "Stanley Baker", "Serena Williams",
    "Kevin Scott", "Luis Hernandez", "Carlos Alberto Torres",
];

/// A town of the United States: name, state, postal codes, telephone area.
pub struct Town {
    /// Its name.
    pub name: &'static str,
    /// Two letters.
    pub state: &'static str,
    /// Some of its postal codes.
    pub zips: &'static [&'static str],
    /// The telephone area.
    pub area: &'static str,
}

const fn town(name: &'static str, state: &'static str, zips: &'static [&'static str], area: &'static str) -> Town {
    Town { name, state, zips, area }
}

/// Where the bank's customers live: New England and a few who moved away.
pub static COAST: &[Town] = &[
    town("Portland", "ME", &["04101", "04102", "04103"], "207"),
    town("Bath", "ME", &["04530"], "207"),
    town("Camden", "ME", &["04843"], "207"),
    town("Lewiston", "ME", &["04240"], "207"),
    town("Bangor", "ME", &["04401"], "207"),
    town("Portsmouth", "NH", &["03801"], "603"),
    town("Manchester", "NH", &["03101", "03104"], "603"),
    town("Burlington", "VT", &["05401", "05408"], "802"),
    town("Boston", "MA", &["02118", "02124", "02130"], "617"),
    town("Gloucester", "MA", &["01930"], "978"),
    town("Worcester", "MA", &["01602", "01609"], "508"),
    town("New Bedford", "MA", &["02740"], "774"),
    town("Providence", "RI", &["02903", "02906"], "401"),
    town("New Haven", "CT", &["06511", "06515"], "203"),
    town("Hartford", "CT", &["06106"], "860"),
    town("Brooklyn", "NY", &["11215", "11226"], "718"),
    town("Philadelphia", "PA", &["19119", "19147"], "215"),
    town("Seattle", "WA", &["98107", "98118"], "206"),
    town("Tampa", "FL", &["33606", "33611"], "813"),
];

/// Where the credit union's members live: the upper Midwest.
pub static PRAIRIE: &[Town] = &[
    town("Madison", "WI", &["53703", "53711", "53704"], "608"),
    town("Milwaukee", "WI", &["53207", "53212"], "414"),
    town("Eau Claire", "WI", &["54701"], "715"),
    town("Wausau", "WI", &["54401"], "715"),
    town("Green Bay", "WI", &["54301"], "920"),
    town("Saint Paul", "MN", &["55104", "55106"], "651"),
    town("Rochester", "MN", &["55901", "55904"], "507"),
    town("Duluth", "MN", &["55804", "55811"], "218"),
    town("Des Moines", "IA", &["50310", "50315"], "515"),
    town("Dubuque", "IA", &["52001"], "563"),
    town("Cedar Rapids", "IA", &["52402"], "319"),
    town("Omaha", "NE", &["68104", "68132"], "402"),
    town("Sioux Falls", "SD", &["57103"], "605"),
    town("Fargo", "ND", &["58102"], "701"),
    town("Kalamazoo", "MI", &["49001", "49008"], "269"),
    town("Rockford", "IL", &["61107"], "815"),
    town("Fort Wayne", "IN", &["46805"], "260"),
    town("Columbus", "OH", &["43202", "43214"], "614"),
];

/// First words of American streets.
pub static STREETS: &[&str] = &[
    "Maple", "Chandlery", "Orchard", "Larch", "Juniper", "Mill Pond", "Spruce", "Foundry", "Meetinghouse", "Ropewalk",
    "Heron", "Quarry", "Sawmill", "Linden", "Old Ferry", "Granite", "Tamarack", "Wharf", "Hollis", "Cutler",
    "Birchwood", "Pleasant", "Prospect", "Elm", "Union", "Second", "Fourth", "Eleventh", "Sparrow Hill", "Lighthouse",
    "Depot", "Creamery", "Grange",
];

/// What American streets end with.
pub static STREET_ENDS: &[&str] =
    &["Street", "Street", "Street", "Avenue", "Avenue", "Road", "Lane", "Drive", "Court", "Way", "Terrace"];

/// British towns: name, county, postal district.
pub static BRITISH_TOWNS: &[(&str, &str, &str)] = &[
    ("London", "Greater London", "SE15"),
    ("London", "Greater London", "N16"),
    ("Leeds", "West Yorkshire", "LS6"),
    ("Bristol", "Avon", "BS3"),
    ("Manchester", "Greater Manchester", "M20"),
    ("Cardiff", "South Glamorgan", "CF11"),
    ("Edinburgh", "Midlothian", "EH6"),
    ("Falmouth", "Cornwall", "TR11"),
    ("Glasgow", "Lanarkshire", "G12"),
];

/// British streets.
pub static BRITISH_STREETS: &[&str] = &[
    "Tanner's Row", "Vicarage Close", "Wren Street", "Alma Terrace", "Malthouse Lane", "Station Parade",
    "Gasworks Yard", "Priory Gardens", "Beck Side", "Cobbler's Hill",
];

/// Nigerian places: street area, city, state, postal code.
pub static NIGERIAN_TOWNS: &[(&str, &str, &str, &str)] = &[
    ("Surulere", "Lagos", "Lagos", "101283"),
    ("Ikeja", "Lagos", "Lagos", "100271"),
    ("Yaba", "Lagos", "Lagos", "101245"),
    ("Lekki Phase 1", "Lagos", "Lagos", "106104"),
    ("Bodija", "Ibadan", "Oyo", "200221"),
    ("Wuse 2", "Abuja", "FCT", "904101"),
    ("Gwarinpa", "Abuja", "FCT", "900108"),
    ("GRA", "Port Harcourt", "Rivers", "500272"),
    ("Independence Layout", "Enugu", "Enugu", "400102"),
    ("Nassarawa", "Kano", "Kano", "700241"),
    ("Ugbowo", "Benin City", "Edo", "300283"),
];

/// Nigerian streets.
pub static NIGERIAN_STREETS: &[&str] = &[
    "Palmwine Close", "Iroko Street", "Unity Crescent", "Old Tannery Road", "Cocoa House Lane", "Harmattan Drive",
    "Weavers Street", "Kola Nut Avenue", "Market Loop", "Riverbank Close",
];

/// Where people work, and as what. All invented.
pub static EMPLOYERS: &[(&str, &[&str])] = &[
    ("Northlight Medical Group", &["Registered Nurse", "Billing Specialist", "Radiology Technician", "Receptionist"]),
    ("Pinecrest School District", &["Teacher", "Bus Driver", "School Counselor", "Paraprofessional"]),
    ("Copperline Logistics", &["Dispatcher", "Warehouse Lead", "Driver", "Fleet Manager"]),
    ("Harrow & Vale LLP", &["Paralegal", "Attorney", "Office Manager"]),
    ("Millrace Brewing", &["Brewer", "Taproom Manager", "Packaging Operator"]),
    ("Bluebird Bakery", &["Baker", "Shift Lead", "Bookkeeper"]),
    ("Tidewrack Marine Supply", &["Sales Associate", "Rigger", "Purchasing Agent"]),
    ("Quillfeather Software", &["Software Engineer", "Support Analyst", "Product Designer"]),
    ("Sundial Home Care", &["Home Health Aide", "Care Coordinator"]),
    ("County Road Commission", &["Equipment Operator", "Civil Engineer", "Clerk"]),
    ("Larkspur Dairy Cooperative", &["Plant Operator", "Quality Technician", "Route Driver"]),
    ("Ironbridge Machine Works", &["Machinist", "Welder", "Shop Foreman"]),
    ("Wayfarer Hotels", &["Front Desk Agent", "Housekeeping Supervisor", "Chef"]),
    ("State University", &["Lecturer", "Research Assistant", "Groundskeeper", "Librarian"]),
    ("Goldenrod Insurance", &["Claims Adjuster", "Underwriter", "Agent"]),
    ("Self-employed", &["Carpenter", "Photographer", "Hair Stylist", "Consultant", "Bookkeeper", "Electrician"]),
];

/// Where Nigerian customers work.
pub static NIGERIAN_EMPLOYERS: &[(&str, &[&str])] = &[
    ("Baobab Telecoms", &["Network Engineer", "Sales Executive", "Customer Care Officer"]),
    ("Sunbird Agro Allied", &["Farm Manager", "Accountant", "Logistics Officer"]),
    ("Harmattan Energy Services", &["Field Engineer", "Safety Officer"]),
    ("Greenleaf Teaching Hospital", &["Nurse", "Pharmacist", "Consultant Physician"]),
    ("Self-employed", &["Trader", "Fashion Designer", "Caterer", "Transporter"]),
];

/// Education, as the core's files put it, the commonest first.
pub static EDUCATION: &[&str] =
    &["HighSchool", "BachDegree", "SomeCollege", "AssocDegree", "TradeSchool", "MastersDegree", "Doctorate"];

/// What small businesses are called around the family's name, which stands for `*`.
pub static BUSINESSES: &[&str] = &[
    "* & Daughters Plumbing LLC", "* Family Dental PLLC", "* Brothers Roofing Inc", "* Auto Body",
    "Blue Heron Boatworks LLC", "The Salted Loaf Bakery", "* Landscaping", "Two Lanterns Bookshop",
    "* Tax & Bookkeeping", "Copper Kettle Catering LLC", "* Orchards", "Stillwater Yoga Studio", "* Lobster Co",
    "Ninth Wave Surf Repair", "* Electric Inc", "Hilltop Veterinary Clinic", "* & Sons Excavation",
    "Marigold Cleaning Services", "* Trucking LLC", "Old Mill Framing & Art",
];

/// What businesses in Nigeria are called.
pub static NIGERIAN_BUSINESSES: &[&str] = &[
    "* Global Ventures Ltd", "* & Sons Enterprises", "Golden Palm Foods Ltd", "* Fabrics", "Riverside Cold Store",
    "* Haulage Ltd",
];

/// A phone or tablet people have: maker, model, system, versions of the system.
pub struct Model {
    /// The maker.
    pub brand: &'static str,
    /// The model.
    pub name: &'static str,
    /// The operating system.
    pub os: &'static str,
    /// Versions of it that are about.
    pub versions: &'static [&'static str],
}

const fn model(brand: &'static str, name: &'static str, os: &'static str, versions: &'static [&'static str]) -> Model {
    Model { brand, name, os, versions }
}

const IOS: &[&str] = &["16.7.10", "17.6.1", "18.1", "18.3.2"];
const ANDROID: &[&str] = &["12", "13", "14", "15"];

/// What people carry in the United States and Britain.
pub static PHONES: &[Model] = &[
    model("Apple", "iPhone 15", "iOS", IOS),
    model("Apple", "iPhone 13", "iOS", IOS),
    model("Apple", "iPhone SE (3rd generation)", "iOS", IOS),
    model("Apple", "iPhone 14 Pro", "iOS", IOS),
    model("Samsung", "Galaxy S23", "Android", ANDROID),
    model("Samsung", "Galaxy A54", "Android", ANDROID),
    model("Google", "Pixel 8", "Android", ANDROID),
    model("Google", "Pixel 6a", "Android", ANDROID),
    model("Motorola", "moto g power", "Android", ANDROID),
    model("Apple", "iPad (10th generation)", "iPadOS", IOS),
    model("OnePlus", "Nord N30", "Android", ANDROID),
];

/// What people carry in Nigeria.
pub static NIGERIAN_PHONES: &[Model] = &[
    model("Tecno", "Camon 20", "Android", ANDROID),
    model("Infinix", "Hot 30", "Android", ANDROID),
    model("itel", "A60s", "Android", ANDROID),
    model("Samsung", "Galaxy A14", "Android", ANDROID),
    model("Apple", "iPhone 11", "iOS", IOS),
    model("Xiaomi", "Redmi 12", "Android", ANDROID),
];
