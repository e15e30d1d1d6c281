// Writes archives of several makes into a folder: `go run odd.go FOLDER`.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	for level := 0; level <= 9; level += 3 {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			for _, comment := range []string{"", "ein Kommentar"} {
				write(fmt.Sprintf("go-%d-%d-%d.zip", level, method, len(comment)), level, method, comment, 6, 1000)
			}
		}
	}
	write("go-many.zip", 1, zip.Store, "", 66000, 0)
	write("go-empty.zip", 1, zip.Deflate, "", 0, 0)
	write("go-small.zip", 1, zip.Store, "", 4, 9)
	raw("go-raw.zip")
}

func write(name string, level int, method uint16, comment string, members int, size int) {
	file, _ := os.Create(filepath.Join(os.Args[1], name))
	defer file.Close()
	out := zip.NewWriter(file)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	out.SetComment(comment)
	for i := 0; i < members; i++ {
		header := &zip.FileHeader{Name: fmt.Sprintf("dir/ö%d.bin", i), Method: method, Comment: "m", Modified: time.Unix(1700000000, 0)}
		header.SetMode(0o640)
		member, _ := out.CreateHeader(header)
		member.Write(bytes.Repeat([]byte("PK\x03\x04 in the contents "), i*size))
	}
	if members > 0 {
		out.Create("empty folder/")
	}
	out.Close()
}

func raw(name string) {
	file, _ := os.Create(filepath.Join(os.Args[1], name))
	defer file.Close()
	out := zip.NewWriter(file)
	data := []byte("sizes known beforehand")
	size := uint64(len(data))
	header := &zip.FileHeader{Name: "raw.bin", Method: zip.Store, CRC32: crc32.ChecksumIEEE(data), CompressedSize64: size, UncompressedSize64: size}
	member, _ := out.CreateRaw(header)
	member.Write(data)
	out.Close()
}
