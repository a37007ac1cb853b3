package webdav

import (
	"path"
	"strings"
)

// mediaTypes goes by a name's extension, alike on every machine; what a client said
// in Content-Type is often worse.
var mediaTypes = map[string]string{
	".7z":    "application/x-7z-compressed",
	".avif":  "image/avif",
	".bmp":   "image/bmp",
	".bz2":   "application/x-bzip2",
	".css":   "text/css; charset=utf-8",
	".csv":   "text/csv",
	".doc":   "application/msword",
	".docm":  "application/vnd.ms-word.document.macroEnabled.12",
	".docx":  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".dwg":   "image/vnd.dwg",
	".dxf":   "image/vnd.dxf",
	".eml":   "message/rfc822",
	".epub":  "application/epub+zip",
	".gif":   "image/gif",
	".gml":   "application/gml+xml",
	".gpx":   "application/gpx+xml",
	".gz":    "application/gzip",
	".heic":  "image/heic",
	".htm":   "text/html",
	".html":  "text/html",
	".ics":   "text/calendar; charset=utf-8",
	".jpeg":  "image/jpeg",
	".jpg":   "image/jpeg",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".kml":   "application/vnd.google-earth.kml+xml",
	".log":   "text/plain",
	".m4a":   "audio/mp4",
	".md":    "text/markdown",
	".mov":   "video/quicktime",
	".mp3":   "audio/mpeg",
	".mp4":   "video/mp4",
	".msg":   "application/vnd.ms-outlook",
	".odb":   "application/vnd.oasis.opendocument.base",
	".odg":   "application/vnd.oasis.opendocument.graphics",
	".odp":   "application/vnd.oasis.opendocument.presentation",
	".ods":   "application/vnd.oasis.opendocument.spreadsheet",
	".odt":   "application/vnd.oasis.opendocument.text",
	".ogg":   "audio/ogg",
	".otp":   "application/vnd.oasis.opendocument.presentation-template",
	".ots":   "application/vnd.oasis.opendocument.spreadsheet-template",
	".ott":   "application/vnd.oasis.opendocument.text-template",
	".p7m":   "application/pkcs7-mime",
	".p7s":   "application/pkcs7-signature",
	".pdf":   "application/pdf",
	".png":   "image/png",
	".ppt":   "application/vnd.ms-powerpoint",
	".pptx":  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".rtf":   "application/rtf",
	".svg":   "image/svg+xml",
	".tar":   "application/x-tar",
	".tif":   "image/tiff",
	".tiff":  "image/tiff",
	".txt":   "text/plain",
	".vcf":   "text/vcard; charset=utf-8",
	".vsd":   "application/vnd.visio",
	".wav":   "audio/wav",
	".webm":  "video/webm",
	".webp":  "image/webp",
	".xhtml": "application/xhtml+xml",
	".xls":   "application/vnd.ms-excel",
	".xlsm":  "application/vnd.ms-excel.sheet.macroEnabled.12",
	".xlsx":  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":   "application/xml",
	".xz":    "application/x-xz",
	".zip":   "application/zip",
}

// mediaType is the type of a file by its name.
func mediaType(name string) string {
	if t := mediaTypes[strings.ToLower(path.Ext(name))]; t != "" {
		return t
	}
	return "application/octet-stream"
}
