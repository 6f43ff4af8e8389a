package ovsdb

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A log on disk is a series of records: a line with the length and the SHA-1
// of what follows, and that, one line of JSON (ovsdb(5)). SHA-1 is there to find
// torn writes, not malice.
const (
	logMagic        = "OVSDB JSON "
	clusterMagic    = "OVSDB CLUSTER "
	maxRecord       = 1 << 30 // bytes; a length beyond is no length
	recordHeaderMax = 128
)

// errTorn is a record that is not whole: the end of what can be read.
var errTorn = errors.New("record is cut off or damaged")

// appendRecord appends the record of a JSON text without newline.
func appendRecord(b, text []byte) []byte {
	h := sha1.New()
	h.Write(text)
	h.Write([]byte{'\n'})
	b = append(b, logMagic...)
	b = strconv.AppendInt(b, int64(len(text)+1), 10)
	b = append(b, ' ')
	b = hex.AppendEncode(b, h.Sum(nil))
	b = append(b, '\n')
	b = append(b, text...)
	return append(b, '\n')
}

// readRecord gives the next record's JSON and its whole length in the file.
// io.EOF: there is none; an error that wraps errTorn: it is not whole.
func readRecord(r *bufio.Reader) (text []byte, size int64, err error) {
	line, err := readLine(r)
	if err != nil {
		return nil, 0, err
	}
	rest, ok := strings.CutPrefix(line, logMagic)
	if !ok {
		if strings.HasPrefix(line, clusterMagic) {
			return nil, 0, errors.New("this is the log of a clustered database, of which a server of its own takes care: use --db unix:PATH to its socket")
		}
		return nil, 0, fmt.Errorf("%w: %q is no record header", errTorn, line)
	}
	length, digest, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(length, 10, 64)
	want, herr := hex.DecodeString(digest)
	if err != nil || herr != nil || n < 1 || n > maxRecord || len(want) != sha1.Size {
		return nil, 0, fmt.Errorf("%w: %q is no record header", errTorn, line)
	}
	// Read as it comes: a damaged length takes no memory.
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, n); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, 0, fmt.Errorf("%w: %d of %d bytes are there", errTorn, body.Len(), n)
		}
		return nil, 0, err
	}
	if got := sha1.Sum(body.Bytes()); !bytes.Equal(got[:], want) {
		return nil, 0, fmt.Errorf("%w: its SHA-1 is %x, not %s", errTorn, got, digest)
	}
	return body.Bytes(), int64(len(line)) + 1 + n, nil
}

// readLine reads up to a newline, which it takes off.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for len(line) < recordHeaderMax {
		c, err := r.ReadByte()
		switch {
		case err == io.EOF && len(line) == 0:
			return "", io.EOF
		case err == io.EOF:
			return "", fmt.Errorf("%w: %q is cut off", errTorn, line)
		case err != nil:
			return "", err
		case c == '\n':
			return string(line), nil
		}
		line = append(line, c)
	}
	return "", fmt.Errorf("%w: %q is no record header", errTorn, line[:32])
}
