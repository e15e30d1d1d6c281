import java.io.*;
import java.nio.file.attribute.FileTime;
import java.util.zip.*;

/** Writes archives of several makes into a folder: `java Odd.java FOLDER`. */
class Odd {
    public static void main(String[] args) throws IOException {
        for (int level = 0; level <= 9; level += 3)
            for (String comment : new String[] {"", "a comment"})
                write(args[0] + "/java-" + level + "-" + comment.length() + ".zip", level, comment, 5);
        write(args[0] + "/java-many.zip", 1, "", 66000);
        stored(args[0] + "/java-stored.zip");
        try (var out = new ZipOutputStream(new FileOutputStream(args[0] + "/java-empty.zip"))) { }
    }

    static void write(String path, int level, String comment, int members) throws IOException {
        try (var out = new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(path)))) {
            out.setLevel(level);
            if (!comment.isEmpty()) out.setComment(comment);
            out.putNextEntry(new ZipEntry("folder/"));
            for (int i = 0; i < members; i++) {
                var entry = new ZipEntry("folder/ünï-" + i + ".txt");
                if (i % 2 == 0) entry.setLastModifiedTime(FileTime.fromMillis(1700000000123L));
                out.putNextEntry(entry);
                out.write(new byte[members > 100 ? 1 : i * 5000]);
            }
        }
    }

    static void stored(String path) throws IOException {
        try (var out = new ZipOutputStream(new FileOutputStream(path))) {
            byte[] data = "stored bytes".getBytes();
            var crc = new CRC32();
            crc.update(data);
            var entry = new ZipEntry("a.bin");
            entry.setMethod(ZipEntry.STORED);
            entry.setSize(data.length);
            entry.setCrc(crc.getValue());
            out.putNextEntry(entry);
            out.write(data);
            out.putNextEntry(new ZipEntry("b.bin"));
            out.write(data);
        }
    }
}
