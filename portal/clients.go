package portal

// client is a program or device that the portal explains.
type client struct {
	Name  string // in the path
	Title string // text key; with ".what" behind it, what the client is
	Parts []part
	Note  string // text key of a warning
	Apple bool
}

// clientNamed is the one of a name, if there is one.
func clientNamed(name string) (client, bool) {
	for _, c := range clients {
		if c.Name == name {
			return c, true
		}
	}
	return client{}, false
}

// part is how one or several services are set up in a client.
type part struct {
	Kinds []string
	Steps []step
	At    []endpoint
	Note  string // text key of what to know besides
	// Secure marks what the client does by https only.
	Secure bool
}

// step is a sentence and, for a terminal, what to type: {user} and {files} are
// replaced by the mail address and the drive's, quoted for a shell; {address} and
// {url} by the same as they are.
type step struct{ Text, Command string }

// say makes steps of text keys.
func say(keys ...string) (list []step) {
	for _, k := range keys {
		list = append(list, step{Text: k})
	}
	return list
}

var (
	onlyMail  = []string{mailKind}
	onlyFiles = []string{filesKind}
	groupware = []string{calendarKind, contactsKind}
)

// clients are in the order in which they are offered.
var clients = []client{
	{Name: "thunderbird", Title: "client.thunderbird", Parts: []part{
		{Kinds: onlyMail, Steps: say("thunderbird.1", "thunderbird.2", "thunderbird.3")},
		{Kinds: []string{calendarKind}, Steps: say("thunderbird.calendar.1", "thunderbird.find", "thunderbird.calendar.3"), At: []endpoint{atBase}},
		{Kinds: []string{contactsKind}, Steps: say("thunderbird.contacts.1", "thunderbird.find", "thunderbird.contacts.3"), At: []endpoint{atBase}},
	}},
	{Name: "iphone", Title: "client.iphone", Apple: true, Parts: []part{
		{Kinds: onlyMail, Steps: say("iphone.1", "iphone.2")},
		{Kinds: groupware, Steps: say("iphone.dav.1", "iphone.dav.2", "iphone.dav.3"), At: []endpoint{atBase}, Secure: true},
	}},
	{Name: "android", Title: "client.android", Parts: []part{
		{Kinds: onlyMail, Steps: say("android.1", "android.2", "android.3")},
		{Kinds: groupware, Steps: say("android.dav.1", "android.dav.2", "android.dav.3"), At: []endpoint{atBase}},
		{Kinds: onlyFiles, Steps: say("android.files.1", "android.files.2"), At: []endpoint{atFiles}},
	}},
	{Name: "outlook", Title: "client.outlook", Note: "outlook.note", Parts: []part{
		{Kinds: onlyMail, Steps: say("outlook.1", "outlook.2", "outlook.3")},
		{Kinds: groupware, Steps: say("outlook.dav.1", "outlook.dav.2", "outlook.dav.3", "outlook.dav.4"), At: []endpoint{atBase}},
	}},
	{Name: "windows", Title: "client.windows", Parts: []part{
		{Kinds: onlyFiles, Steps: say("windows.1", "windows.2", "windows.3"), At: []endpoint{atFiles}, Note: "windows.note", Secure: true},
	}},
	{Name: "finder", Title: "client.finder", Parts: []part{
		{Kinds: onlyFiles, Steps: say("finder.1", "finder.2", "finder.3"), At: []endpoint{atFiles}},
	}},
	{Name: "evolution", Title: "client.evolution", Parts: []part{
		{Kinds: onlyMail, Steps: say("evolution.1", "evolution.2", "evolution.3")},
		{Kinds: groupware, Steps: say("evolution.dav.1", "evolution.dav.2", "evolution.dav.3"), At: []endpoint{atBase}},
	}},
	{Name: "gnome", Title: "client.gnome", Parts: []part{
		{Kinds: []string{calendarKind, contactsKind, filesKind}, Steps: say("gnome.1", "gnome.2", "gnome.3"), At: []endpoint{atBase}},
		{Kinds: onlyFiles, Steps: say("gnome.files.1", "gnome.files.2"), At: []endpoint{atFilesGNOME}},
	}},
	{Name: "kde", Title: "client.kde", Parts: []part{
		{Kinds: groupware, Steps: say("kde.1", "kde.2", "kde.3"), At: []endpoint{atBase}},
		{Kinds: onlyFiles, Steps: say("kde.files.1", "kde.files.2"), At: []endpoint{atFilesKDE}},
	}},
	{Name: "cyberduck", Title: "client.cyberduck", Parts: []part{
		{Kinds: onlyFiles, Steps: say("cyberduck.1", "cyberduck.2", "cyberduck.3"), At: []endpoint{atFiles}},
	}},
	{Name: "rclone", Title: "client.rclone", Parts: []part{
		{Kinds: onlyFiles, At: []endpoint{atFiles}, Steps: []step{
			{"rclone.1", "rclone config create fachwerk webdav url={files} vendor=nextcloud nextcloud_chunk_size=0 user={user}"},
			{"rclone.2", "rclone config password fachwerk pass APP-PASSWORD"},
			{"rclone.3", "rclone copy --progress Folder fachwerk:Folder"},
		}},
	}},
	{Name: "davfs", Title: "client.davfs", Parts: []part{
		{Kinds: onlyFiles, At: []endpoint{atFiles}, Steps: []step{
			{"davfs.1", "{url} /media/fachwerk davfs user,noauto 0 0"},
			{"davfs.2", `/media/fachwerk "{address}" "APP-PASSWORD"`},
			{"davfs.3", "mount /media/fachwerk"},
		}},
	}},
	{Name: "other", Title: "client.other", Parts: []part{
		{Kinds: onlyMail, Steps: say("other.1")},
		{Kinds: []string{calendarKind}, Steps: say("other.calendar"), At: []endpoint{atBase, atCalendars}},
		{Kinds: []string{contactsKind}, Steps: say("other.contacts"), At: []endpoint{atBase, atAddressBooks}},
		{Kinds: onlyFiles, Steps: say("other.files"), At: []endpoint{atFiles, atDrives}},
	}},
}
