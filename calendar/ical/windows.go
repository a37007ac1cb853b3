package ical

import "strings"

// windowsZone returns the IANA zone for a name that Windows or Outlook give a
// zone: the names of the registry as CLDR's windowsZones maps them (for the
// world, territory 001), then some that Outlook showed and wrote in its
// languages, with or without "(UTC+01:00)" before them.
func windowsZone(name string) (iana string, ok bool) {
	if strings.HasPrefix(name, "(") {
		if _, after, found := strings.Cut(name, ")"); found {
			name = strings.TrimSpace(after)
		}
	}
	switch name {
	case "Dateline Standard Time":
		return "Etc/GMT+12", true
	case "UTC-11":
		return "Etc/GMT+11", true
	case "Aleutian Standard Time":
		return "America/Adak", true
	case "Hawaiian Standard Time":
		return "Pacific/Honolulu", true
	case "Marquesas Standard Time":
		return "Pacific/Marquesas", true
	case "Alaskan Standard Time":
		return "America/Anchorage", true
	case "UTC-09":
		return "Etc/GMT+9", true
	case "Pacific Standard Time (Mexico)":
		return "America/Tijuana", true
	case "UTC-08":
		return "Etc/GMT+8", true
	case "Pacific Standard Time", "Pacific Time (US & Canada)", "Pacific Time (US & Canada); Tijuana", "US-Pacific":
		return "America/Los_Angeles", true
	case "US Mountain Standard Time":
		return "America/Phoenix", true
	case "Mountain Standard Time (Mexico)":
		return "America/Mazatlan", true
	case "Mountain Standard Time", "Mountain Time (US & Canada)", "US-Mountain":
		return "America/Denver", true
	case "Yukon Standard Time":
		return "America/Whitehorse", true
	case "Central America Standard Time":
		return "America/Guatemala", true
	case "Central Standard Time", "Central Time (US & Canada)", "US-Central":
		return "America/Chicago", true
	case "Easter Island Standard Time":
		return "Pacific/Easter", true
	case "Central Standard Time (Mexico)":
		return "America/Mexico_City", true
	case "Canada Central Standard Time":
		return "America/Regina", true
	case "SA Pacific Standard Time":
		return "America/Bogota", true
	case "Eastern Standard Time (Mexico)":
		return "America/Cancun", true
	case "Eastern Standard Time", "Eastern Time (US & Canada)", "US-Eastern":
		return "America/New_York", true
	case "Haiti Standard Time":
		return "America/Port-au-Prince", true
	case "Cuba Standard Time":
		return "America/Havana", true
	case "US Eastern Standard Time":
		return "America/Indianapolis", true
	case "Turks And Caicos Standard Time":
		return "America/Grand_Turk", true
	case "Paraguay Standard Time":
		return "America/Asuncion", true
	case "Atlantic Standard Time":
		return "America/Halifax", true
	case "Venezuela Standard Time":
		return "America/Caracas", true
	case "Central Brazilian Standard Time":
		return "America/Cuiaba", true
	case "SA Western Standard Time":
		return "America/La_Paz", true
	case "Pacific SA Standard Time":
		return "America/Santiago", true
	case "Newfoundland Standard Time":
		return "America/St_Johns", true
	case "Tocantins Standard Time":
		return "America/Araguaina", true
	case "E. South America Standard Time":
		return "America/Sao_Paulo", true
	case "SA Eastern Standard Time":
		return "America/Cayenne", true
	case "Argentina Standard Time":
		return "America/Buenos_Aires", true
	case "Greenland Standard Time":
		return "America/Godthab", true
	case "Montevideo Standard Time":
		return "America/Montevideo", true
	case "Magallanes Standard Time":
		return "America/Punta_Arenas", true
	case "Saint Pierre Standard Time":
		return "America/Miquelon", true
	case "Bahia Standard Time":
		return "America/Bahia", true
	case "UTC-02", "Mid-Atlantic Standard Time":
		return "Etc/GMT+2", true
	case "Azores Standard Time":
		return "Atlantic/Azores", true
	case "Cape Verde Standard Time":
		return "Atlantic/Cape_Verde", true
	case "UTC":
		return "UTC", true
	case "GMT Standard Time", "Greenwich Mean Time: Dublin, Edinburgh, Lisbon, London", "Dublin, Edinburgh, Lisbon, London", "Greenwich Mean Time; Dublin, Edinburgh, London":
		return "Europe/London", true
	case "Greenwich Standard Time":
		return "Atlantic/Reykjavik", true
	case "Sao Tome Standard Time":
		return "Africa/Sao_Tome", true
	case "Morocco Standard Time":
		return "Africa/Casablanca", true
	case "W. Europe Standard Time", "Western/Central Europe", "Mitteleuropäische Zeit", "Westeuropäische Normalzeit", "Westeuropa (Normalzeit)", "Mitteleuropa (Normalzeit)", "Mitteleuropäische Normalzeit", "Amsterdam, Berlin, Bern, Rom, Stockholm, Wien", "Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna":
		return "Europe/Berlin", true
	case "Central Europe Standard Time", "Belgrade, Bratislava, Budapest, Ljubljana, Prague":
		return "Europe/Budapest", true
	case "Romance Standard Time", "Brussels, Copenhagen, Madrid, Paris":
		return "Europe/Paris", true
	case "Central European Standard Time", "Sarajevo, Skopje, Warsaw, Zagreb":
		return "Europe/Warsaw", true
	case "W. Central Africa Standard Time":
		return "Africa/Lagos", true
	case "Jordan Standard Time":
		return "Asia/Amman", true
	case "GTB Standard Time", "Athens, Bucharest":
		return "Europe/Bucharest", true
	case "Middle East Standard Time":
		return "Asia/Beirut", true
	case "Egypt Standard Time":
		return "Africa/Cairo", true
	case "E. Europe Standard Time":
		return "Europe/Chisinau", true
	case "Syria Standard Time":
		return "Asia/Damascus", true
	case "West Bank Standard Time":
		return "Asia/Hebron", true
	case "South Africa Standard Time":
		return "Africa/Johannesburg", true
	case "FLE Standard Time", "Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius":
		return "Europe/Kiev", true
	case "Israel Standard Time":
		return "Asia/Jerusalem", true
	case "South Sudan Standard Time":
		return "Africa/Juba", true
	case "Kaliningrad Standard Time":
		return "Europe/Kaliningrad", true
	case "Sudan Standard Time":
		return "Africa/Khartoum", true
	case "Libya Standard Time":
		return "Africa/Tripoli", true
	case "Namibia Standard Time":
		return "Africa/Windhoek", true
	case "Arabic Standard Time":
		return "Asia/Baghdad", true
	case "Turkey Standard Time":
		return "Europe/Istanbul", true
	case "Arab Standard Time":
		return "Asia/Riyadh", true
	case "Belarus Standard Time":
		return "Europe/Minsk", true
	case "Russian Standard Time":
		return "Europe/Moscow", true
	case "E. Africa Standard Time":
		return "Africa/Nairobi", true
	case "Volgograd Standard Time":
		return "Europe/Volgograd", true
	case "Iran Standard Time":
		return "Asia/Tehran", true
	case "Arabian Standard Time":
		return "Asia/Dubai", true
	case "Astrakhan Standard Time":
		return "Europe/Astrakhan", true
	case "Azerbaijan Standard Time":
		return "Asia/Baku", true
	case "Russia Time Zone 3":
		return "Europe/Samara", true
	case "Mauritius Standard Time":
		return "Indian/Mauritius", true
	case "Saratov Standard Time":
		return "Europe/Saratov", true
	case "Georgian Standard Time":
		return "Asia/Tbilisi", true
	case "Caucasus Standard Time":
		return "Asia/Yerevan", true
	case "Afghanistan Standard Time":
		return "Asia/Kabul", true
	case "West Asia Standard Time":
		return "Asia/Tashkent", true
	case "Qyzylorda Standard Time":
		return "Asia/Qyzylorda", true
	case "Ekaterinburg Standard Time":
		return "Asia/Yekaterinburg", true
	case "Pakistan Standard Time":
		return "Asia/Karachi", true
	case "India Standard Time":
		return "Asia/Calcutta", true
	case "Sri Lanka Standard Time":
		return "Asia/Colombo", true
	case "Nepal Standard Time":
		return "Asia/Katmandu", true
	case "Central Asia Standard Time":
		return "Asia/Bishkek", true
	case "Bangladesh Standard Time":
		return "Asia/Dhaka", true
	case "Omsk Standard Time":
		return "Asia/Omsk", true
	case "Myanmar Standard Time":
		return "Asia/Rangoon", true
	case "SE Asia Standard Time":
		return "Asia/Bangkok", true
	case "Altai Standard Time":
		return "Asia/Barnaul", true
	case "W. Mongolia Standard Time":
		return "Asia/Hovd", true
	case "North Asia Standard Time":
		return "Asia/Krasnoyarsk", true
	case "N. Central Asia Standard Time":
		return "Asia/Novosibirsk", true
	case "Tomsk Standard Time":
		return "Asia/Tomsk", true
	case "China Standard Time":
		return "Asia/Shanghai", true
	case "North Asia East Standard Time":
		return "Asia/Irkutsk", true
	case "Singapore Standard Time":
		return "Asia/Singapore", true
	case "W. Australia Standard Time":
		return "Australia/Perth", true
	case "Taipei Standard Time":
		return "Asia/Taipei", true
	case "Ulaanbaatar Standard Time":
		return "Asia/Ulaanbaatar", true
	case "Aus Central W. Standard Time":
		return "Australia/Eucla", true
	case "Transbaikal Standard Time":
		return "Asia/Chita", true
	case "Tokyo Standard Time":
		return "Asia/Tokyo", true
	case "North Korea Standard Time":
		return "Asia/Pyongyang", true
	case "Korea Standard Time":
		return "Asia/Seoul", true
	case "Yakutsk Standard Time":
		return "Asia/Yakutsk", true
	case "Cen. Australia Standard Time":
		return "Australia/Adelaide", true
	case "AUS Central Standard Time":
		return "Australia/Darwin", true
	case "E. Australia Standard Time":
		return "Australia/Brisbane", true
	case "AUS Eastern Standard Time":
		return "Australia/Sydney", true
	case "West Pacific Standard Time":
		return "Pacific/Port_Moresby", true
	case "Tasmania Standard Time":
		return "Australia/Hobart", true
	case "Vladivostok Standard Time":
		return "Asia/Vladivostok", true
	case "Lord Howe Standard Time":
		return "Australia/Lord_Howe", true
	case "Bougainville Standard Time":
		return "Pacific/Bougainville", true
	case "Russia Time Zone 10":
		return "Asia/Srednekolymsk", true
	case "Magadan Standard Time":
		return "Asia/Magadan", true
	case "Norfolk Standard Time":
		return "Pacific/Norfolk", true
	case "Sakhalin Standard Time":
		return "Asia/Sakhalin", true
	case "Central Pacific Standard Time":
		return "Pacific/Guadalcanal", true
	case "Russia Time Zone 11", "Kamchatka Standard Time":
		return "Asia/Kamchatka", true
	case "New Zealand Standard Time":
		return "Pacific/Auckland", true
	case "UTC+12":
		return "Etc/GMT-12", true
	case "Fiji Standard Time":
		return "Pacific/Fiji", true
	case "Chatham Islands Standard Time":
		return "Pacific/Chatham", true
	case "UTC+13":
		return "Etc/GMT-13", true
	case "Tonga Standard Time":
		return "Pacific/Tongatapu", true
	case "Samoa Standard Time":
		return "Pacific/Apia", true
	case "Line Islands Standard Time":
		return "Pacific/Kiritimati", true
	}
	return "", false
}
