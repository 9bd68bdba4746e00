"""Countries and their capitals that are certain, each named by a single word or a fixed name."""


def _pairs(lines: str) -> tuple[tuple[str, str], ...]:
    pairs = [entry.split(":") for entry in lines.split(",")]
    return tuple((country.strip(), capital.strip()) for country, capital in pairs)


CAPITALS = _pairs(
    """
    France: Paris, Italy: Rome, Spain: Madrid, Germany: Berlin, England: London, Japan: Tokyo, China: Beijing,
    Russia: Moscow, Greece: Athens, Egypt: Cairo, Austria: Vienna, Portugal: Lisbon, Ireland: Dublin, Poland:
    Warsaw, Norway: Oslo, Sweden: Stockholm, Finland: Helsinki, Denmark: Copenhagen, Hungary: Budapest, Canada:
    Ottawa, Cuba: Havana, Peru: Lima, Kenya: Nairobi, Iraq: Baghdad, Iran: Tehran, Lebanon: Beirut, Ukraine:
    Kyiv, Belgium: Brussels, Australia: Canberra, Thailand: Bangkok, Venezuela: Caracas, Syria: Damascus,
    Turkey: Ankara, Scotland: Edinburgh, Wales: Cardiff, Iceland: Reykjavik, Romania: Bucharest, Bulgaria:
    Sofia, Serbia: Belgrade, Croatia: Zagreb, Slovenia: Ljubljana, Slovakia: Bratislava, Albania: Tirana,
    Estonia: Tallinn, Latvia: Riga, Lithuania: Vilnius, Belarus: Minsk, Moldova: Chisinau, Georgia: Tbilisi,
    Armenia: Yerevan, Azerbaijan: Baku, Uzbekistan: Tashkent, Kyrgyzstan: Bishkek, Tajikistan: Dushanbe,
    Turkmenistan: Ashgabat, Afghanistan: Kabul, Pakistan: Islamabad, India: New Delhi, Nepal: Kathmandu, Bhutan:
    Thimphu, Bangladesh: Dhaka, Vietnam: Hanoi, Cambodia: Phnom Penh, Laos: Vientiane, Mongolia: Ulaanbaatar,
    Philippines: Manila, Jordan: Amman, Oman: Muscat, Qatar: Doha, Bahrain: Manama, Yemen: Sanaa, Libya:
    Tripoli, Algeria: Algiers, Morocco: Rabat, Sudan: Khartoum, Ethiopia: Addis Ababa, Eritrea: Asmara, Somalia:
    Mogadishu, Uganda: Kampala, Rwanda: Kigali, Zambia: Lusaka, Zimbabwe: Harare, Mozambique: Maputo,
    Madagascar: Antananarivo, Namibia: Windhoek, Botswana: Gaborone, Angola: Luanda, Cameroon: Yaounde, Ghana:
    Accra, Nigeria: Abuja, Niger: Niamey, Mali: Bamako, Senegal: Dakar, Liberia: Monrovia, Gambia: Banjul, Togo:
    Lome, Mauritania: Nouakchott, Argentina: Buenos Aires, Uruguay: Montevideo, Paraguay: Asuncion, Colombia:
    Bogota, Ecuador: Quito, Guyana: Georgetown, Suriname: Paramaribo, Jamaica: Kingston, Bahamas: Nassau, Haiti:
    Port-au-Prince, Nicaragua: Managua, Honduras: Tegucigalpa, Belize: Belmopan, Malta: Valletta, Cyprus:
    Nicosia, Fiji: Suva, Samoa: Apia
    """
)
