// Written by Sources/Language/CEL/Values/time_zones.py from the IANA time zone database, which is in the public domain.

extension TimeZones {
  /// The names of each zone on a line, in the order of the data.
  static let names = """
    Africa/Abidjan Africa/Timbuktu Iceland
    Africa/Accra
    Africa/Addis_Ababa
    Africa/Algiers
    Africa/Asmara
    Africa/Asmera Africa/Nairobi
    Africa/Bamako
    Africa/Bangui
    Africa/Banjul
    Africa/Bissau
    Africa/Blantyre
    Africa/Brazzaville
    Africa/Bujumbura
    Africa/Cairo Egypt
    Africa/Casablanca
    Africa/Ceuta
    Africa/Conakry
    Africa/Dakar
    Africa/Dar_es_Salaam
    Africa/Djibouti
    Africa/Douala
    Africa/El_Aaiun
    Africa/Freetown
    Africa/Gaborone
    Africa/Harare
    Africa/Johannesburg
    Africa/Juba
    Africa/Kampala
    Africa/Khartoum
    Africa/Kigali
    Africa/Kinshasa
    Africa/Lagos
    Africa/Libreville
    Africa/Lome
    Africa/Luanda
    Africa/Lubumbashi
    Africa/Lusaka
    Africa/Malabo
    Africa/Maputo
    Africa/Maseru
    Africa/Mbabane
    Africa/Mogadishu
    Africa/Monrovia
    Africa/Ndjamena
    Africa/Niamey
    Africa/Nouakchott
    Africa/Ouagadougou
    Africa/Porto-Novo
    Africa/Sao_Tome
    Africa/Tripoli Libya
    Africa/Tunis
    Africa/Windhoek
    America/Adak America/Atka US/Aleutian
    America/Anchorage US/Alaska
    America/Anguilla
    America/Antigua
    America/Araguaina
    America/Argentina/Buenos_Aires America/Buenos_Aires
    America/Argentina/Catamarca America/Argentina/ComodRivadavia America/Catamarca
    America/Argentina/Cordoba America/Cordoba America/Rosario
    America/Argentina/Jujuy America/Jujuy
    America/Argentina/La_Rioja
    America/Argentina/Mendoza America/Mendoza
    America/Argentina/Rio_Gallegos
    America/Argentina/Salta
    America/Argentina/San_Juan
    America/Argentina/San_Luis
    America/Argentina/Tucuman
    America/Argentina/Ushuaia
    America/Aruba
    America/Asuncion
    America/Atikokan
    America/Bahia
    America/Bahia_Banderas
    America/Barbados
    America/Belem
    America/Belize
    America/Blanc-Sablon
    America/Boa_Vista
    America/Bogota
    America/Boise
    America/Cambridge_Bay
    America/Campo_Grande
    America/Cancun
    America/Caracas
    America/Cayenne
    America/Cayman
    America/Chicago US/Central
    America/Chihuahua
    America/Ciudad_Juarez
    America/Coral_Harbour America/Panama
    America/Costa_Rica
    America/Coyhaique
    America/Creston
    America/Cuiaba
    America/Curacao
    America/Danmarkshavn
    America/Dawson
    America/Dawson_Creek
    America/Denver America/Shiprock Navajo US/Mountain
    America/Detroit US/Michigan
    America/Dominica
    America/Edmonton America/Yellowknife Canada/Mountain
    America/Eirunepe
    America/El_Salvador
    America/Ensenada America/Santa_Isabel America/Tijuana Mexico/BajaNorte
    America/Fort_Nelson
    America/Fort_Wayne America/Indiana/Indianapolis America/Indianapolis US/East-Indiana
    America/Fortaleza
    America/Glace_Bay
    America/Godthab America/Nuuk
    America/Goose_Bay
    America/Grand_Turk
    America/Grenada
    America/Guadeloupe
    America/Guatemala
    America/Guayaquil
    America/Guyana
    America/Halifax Canada/Atlantic
    America/Havana Cuba
    America/Hermosillo
    America/Indiana/Knox America/Knox_IN US/Indiana-Starke
    America/Indiana/Marengo
    America/Indiana/Petersburg
    America/Indiana/Tell_City
    America/Indiana/Vevay
    America/Indiana/Vincennes
    America/Indiana/Winamac
    America/Inuvik
    America/Iqaluit America/Pangnirtung
    America/Jamaica Jamaica
    America/Juneau
    America/Kentucky/Louisville America/Louisville
    America/Kentucky/Monticello
    America/Kralendijk America/Lower_Princes America/Marigot America/Puerto_Rico America/St_Barthelemy \
    America/Virgin
    America/La_Paz
    America/Lima
    America/Los_Angeles US/Pacific
    America/Maceio
    America/Managua
    America/Manaus Brazil/West
    America/Martinique
    America/Matamoros
    America/Mazatlan Mexico/BajaSur
    America/Menominee
    America/Merida
    America/Metlakatla
    America/Mexico_City Mexico/General
    America/Miquelon
    America/Moncton
    America/Monterrey
    America/Montevideo
    America/Montreal America/Nipigon America/Thunder_Bay America/Toronto Canada/Eastern
    America/Montserrat
    America/Nassau
    America/New_York US/Eastern
    America/Nome
    America/Noronha Brazil/DeNoronha
    America/North_Dakota/Beulah
    America/North_Dakota/Center
    America/North_Dakota/New_Salem
    America/Ojinaga
    America/Paramaribo
    America/Phoenix US/Arizona
    America/Port-au-Prince
    America/Port_of_Spain
    America/Porto_Acre America/Rio_Branco Brazil/Acre
    America/Porto_Velho
    America/Punta_Arenas
    America/Rainy_River America/Winnipeg Canada/Central
    America/Rankin_Inlet
    America/Recife
    America/Regina Canada/Saskatchewan
    America/Resolute
    America/Santarem
    America/Santiago Chile/Continental
    America/Santo_Domingo
    America/Sao_Paulo Brazil/East
    America/Scoresbysund
    America/Sitka
    America/St_Johns Canada/Newfoundland
    America/St_Kitts
    America/St_Lucia
    America/St_Thomas
    America/St_Vincent
    America/Swift_Current
    America/Tegucigalpa
    America/Thule
    America/Tortola
    America/Vancouver Canada/Pacific
    America/Whitehorse Canada/Yukon
    America/Yakutat
    Antarctica/Casey
    Antarctica/Davis
    Antarctica/DumontDUrville
    Antarctica/Macquarie
    Antarctica/Mawson
    Antarctica/McMurdo
    Antarctica/Palmer
    Antarctica/Rothera
    Antarctica/South_Pole NZ Pacific/Auckland
    Antarctica/Syowa
    Antarctica/Troll
    Antarctica/Vostok
    Arctic/Longyearbyen Atlantic/Jan_Mayen Europe/Berlin
    Asia/Aden
    Asia/Almaty
    Asia/Amman
    Asia/Anadyr
    Asia/Aqtau
    Asia/Aqtobe
    Asia/Ashgabat Asia/Ashkhabad
    Asia/Atyrau
    Asia/Baghdad
    Asia/Bahrain
    Asia/Baku
    Asia/Bangkok
    Asia/Barnaul
    Asia/Beirut
    Asia/Bishkek
    Asia/Brunei
    Asia/Calcutta Asia/Kolkata
    Asia/Chita
    Asia/Choibalsan Asia/Ulaanbaatar Asia/Ulan_Bator
    Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Shanghai PRC
    Asia/Colombo
    Asia/Dacca Asia/Dhaka
    Asia/Damascus
    Asia/Dili
    Asia/Dubai
    Asia/Dushanbe
    Asia/Famagusta
    Asia/Gaza
    Asia/Hebron
    Asia/Ho_Chi_Minh Asia/Saigon
    Asia/Hong_Kong Hongkong
    Asia/Hovd
    Asia/Irkutsk
    Asia/Istanbul Europe/Istanbul Turkey
    Asia/Jakarta
    Asia/Jayapura
    Asia/Jerusalem Asia/Tel_Aviv Israel
    Asia/Kabul
    Asia/Kamchatka
    Asia/Karachi
    Asia/Kashgar Asia/Urumqi
    Asia/Kathmandu Asia/Katmandu
    Asia/Khandyga
    Asia/Krasnoyarsk
    Asia/Kuala_Lumpur
    Asia/Kuching
    Asia/Kuwait
    Asia/Macao Asia/Macau
    Asia/Magadan
    Asia/Makassar Asia/Ujung_Pandang
    Asia/Manila
    Asia/Muscat
    Asia/Nicosia Europe/Nicosia
    Asia/Novokuznetsk
    Asia/Novosibirsk
    Asia/Omsk
    Asia/Oral
    Asia/Phnom_Penh
    Asia/Pontianak
    Asia/Pyongyang
    Asia/Qatar
    Asia/Qostanay
    Asia/Qyzylorda
    Asia/Rangoon Asia/Yangon
    Asia/Riyadh
    Asia/Sakhalin
    Asia/Samarkand
    Asia/Seoul ROK
    Asia/Singapore Singapore
    Asia/Srednekolymsk
    Asia/Taipei ROC
    Asia/Tashkent
    Asia/Tbilisi
    Asia/Tehran Iran
    Asia/Thimbu Asia/Thimphu
    Asia/Tokyo Japan
    Asia/Tomsk
    Asia/Ust-Nera
    Asia/Vientiane
    Asia/Vladivostok
    Asia/Yakutsk
    Asia/Yekaterinburg
    Asia/Yerevan
    Atlantic/Azores
    Atlantic/Bermuda
    Atlantic/Canary
    Atlantic/Cape_Verde
    Atlantic/Faeroe Atlantic/Faroe
    Atlantic/Madeira
    Atlantic/Reykjavik
    Atlantic/South_Georgia
    Atlantic/St_Helena
    Atlantic/Stanley
    Australia/ACT Australia/Canberra Australia/NSW Australia/Sydney
    Australia/Adelaide Australia/South
    Australia/Brisbane Australia/Queensland
    Australia/Broken_Hill Australia/Yancowinna
    Australia/Currie Australia/Hobart Australia/Tasmania
    Australia/Darwin Australia/North
    Australia/Eucla
    Australia/LHI Australia/Lord_Howe
    Australia/Lindeman
    Australia/Melbourne Australia/Victoria
    Australia/Perth Australia/West
    CET
    CST6CDT
    Chile/EasterIsland Pacific/Easter
    EET
    EST
    EST5EDT
    Eire Europe/Dublin
    Etc/GMT Etc/GMT+0 Etc/GMT-0 Etc/GMT0 Etc/Greenwich GMT GMT+0 GMT-0 GMT0 Greenwich
    Etc/GMT+1
    Etc/GMT+10
    Etc/GMT+11
    Etc/GMT+12
    Etc/GMT+2
    Etc/GMT+3
    Etc/GMT+4
    Etc/GMT+5
    Etc/GMT+6
    Etc/GMT+7
    Etc/GMT+8
    Etc/GMT+9
    Etc/GMT-1
    Etc/GMT-10
    Etc/GMT-11
    Etc/GMT-12
    Etc/GMT-13
    Etc/GMT-14
    Etc/GMT-2
    Etc/GMT-3
    Etc/GMT-4
    Etc/GMT-5
    Etc/GMT-6
    Etc/GMT-7
    Etc/GMT-8
    Etc/GMT-9
    Etc/UCT Etc/UTC Etc/Universal Etc/Zulu UCT UTC Universal Zulu
    Europe/Amsterdam
    Europe/Andorra
    Europe/Astrakhan
    Europe/Athens
    Europe/Belfast Europe/London GB GB-Eire
    Europe/Belgrade Europe/Podgorica
    Europe/Bratislava Europe/Prague
    Europe/Brussels
    Europe/Bucharest
    Europe/Budapest
    Europe/Busingen Europe/Zurich
    Europe/Chisinau Europe/Tiraspol
    Europe/Copenhagen
    Europe/Gibraltar
    Europe/Guernsey
    Europe/Helsinki Europe/Mariehamn
    Europe/Isle_of_Man
    Europe/Jersey
    Europe/Kaliningrad
    Europe/Kiev Europe/Kyiv Europe/Uzhgorod Europe/Zaporozhye
    Europe/Kirov
    Europe/Lisbon Portugal
    Europe/Ljubljana
    Europe/Luxembourg
    Europe/Madrid
    Europe/Malta
    Europe/Minsk
    Europe/Monaco
    Europe/Moscow W-SU
    Europe/Oslo
    Europe/Paris
    Europe/Riga
    Europe/Rome Europe/San_Marino Europe/Vatican
    Europe/Samara
    Europe/Sarajevo
    Europe/Saratov
    Europe/Simferopol
    Europe/Skopje
    Europe/Sofia
    Europe/Stockholm
    Europe/Tallinn
    Europe/Tirane
    Europe/Ulyanovsk
    Europe/Vaduz
    Europe/Vienna
    Europe/Vilnius
    Europe/Volgograd
    Europe/Warsaw Poland
    Europe/Zagreb
    HST
    Indian/Antananarivo
    Indian/Chagos
    Indian/Christmas
    Indian/Cocos
    Indian/Comoro
    Indian/Kerguelen
    Indian/Mahe
    Indian/Maldives
    Indian/Mauritius
    Indian/Mayotte
    Indian/Reunion
    Kwajalein Pacific/Kwajalein
    MET
    MST
    MST7MDT
    NZ-CHAT Pacific/Chatham
    PST8PDT
    Pacific/Apia
    Pacific/Bougainville
    Pacific/Chuuk
    Pacific/Efate
    Pacific/Enderbury Pacific/Kanton
    Pacific/Fakaofo
    Pacific/Fiji
    Pacific/Funafuti
    Pacific/Galapagos
    Pacific/Gambier
    Pacific/Guadalcanal Pacific/Ponape
    Pacific/Guam
    Pacific/Honolulu Pacific/Johnston US/Hawaii
    Pacific/Kiritimati
    Pacific/Kosrae
    Pacific/Majuro
    Pacific/Marquesas
    Pacific/Midway
    Pacific/Nauru
    Pacific/Niue
    Pacific/Norfolk
    Pacific/Noumea
    Pacific/Pago_Pago Pacific/Samoa US/Samoa
    Pacific/Palau
    Pacific/Pitcairn
    Pacific/Pohnpei
    Pacific/Port_Moresby Pacific/Truk Pacific/Yap
    Pacific/Rarotonga
    Pacific/Saipan
    Pacific/Tahiti
    Pacific/Tarawa
    Pacific/Tongatapu
    Pacific/Wake
    Pacific/Wallis
    WET
    """
}
