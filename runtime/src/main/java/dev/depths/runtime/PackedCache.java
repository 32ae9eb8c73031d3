package dev.depths.runtime;

import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import dev.depths.runtime.kernel.PanelFormat;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Packed matrices kept in a file from one start to the next, one file per model, named by the model's fingerprint. A file
 * is written beside its place and moved there, so that processes which start at once do no harm to each other; it is
 * checked by its sums before it is believed; and whatever goes wrong costs the time to pack, nothing else. Matrices are
 * mapped, not copied, and several processes share them. A file is never written to once it is in its place, and a process
 * that has mapped it keeps it if it is replaced or deleted: what a model's own file may suffer, whose owner may cut it off
 * while vector loads read from it, does not happen to these.
 */
final class PackedCache {
  private static final long MAGIC = 0x4445505448533031L;
  private static final int VERSION = 6;
  private static final String SUFFIX = ".packed";
  /** Bytes summed at a time. */
  private static final int CHUNK = 1 << 20;
  /** Bytes written at a time, of one matrix. */
  private static final int PIECE = 1 << 30;
  private static final long ALIGNMENT = 64;
  /** Magic number, version, length and checksum of the header's body. */
  private static final int PREFIX_BYTES = 20;
  private static final int MAX_HEADER = 16 << 20;
  /** All files of the directory together; the least recently used go first. */
  static final long MAX_BYTES = 8L << 30;

  private final Path file;
  private final Workers workers;
  /** The file's, and what was added. */
  private final Map<String, PackedMatrix> matrices = new LinkedHashMap<>();
  private boolean missed;

  /**
   * Opens a model's cache file, if there is one that is whole.
   *
   * @param directory where cache files are; made if need be
   * @param key the model's fingerprint, letters and digits
   * @param arena owns the matrices
   */
  PackedCache(Path directory, String key, Workers workers, Arena arena) {
    this.file = directory.resolve(key + SUFFIX);
    this.workers = workers;
    if (Files.isRegularFile(file)) {
      try {
        read(arena);
        Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
      } catch (IOException | RuntimeException | InternalError _) {
        // Cut off, of another version, or not ours: it is written anew.
        matrices.clear();
      }
    }
  }

  /** A matrix of the cache file in one of these formats, or null. */
  PackedMatrix find(String name, List<PanelFormat> formats, int rows, int columns) {
    PackedMatrix m = matrices.get(name);
    if (m == null || !formats.contains(m.format()) || m.rows() != rows || m.columns() != columns) {
      missed = true;
      return null;
    }
    return m;
  }

  /** A matrix that was not found and had to be packed. */
  void add(String name, PackedMatrix m) {
    matrices.put(name, m);
  }

  /**
   * Writes the file if a matrix was missing: also those of it that were not looked for, because an adapter is merged into them.
   */
  void store() {
    if (!missed) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
      try {
        write(part);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
      evict();
    } catch (IOException _) {
      // A full or read-only disk: the next start packs again.
    }
  }

  private void write(Path to) throws IOException {
    List<Entry> entries = new ArrayList<>();
    long size = 0;
    for (Map.Entry<String, PackedMatrix> m : matrices.entrySet()) {
      entries.add(new Entry(m.getKey(), m.getValue(), size));
      size = aligned(size + m.getValue().bytes());
    }
    int[] sums = new int[entries.size()];
    workers.run((share, shares) -> {
      for (int i = share; i < sums.length; i += shares) {
        sums[i] = checksum(entries.get(i).matrix.data());
      }
    });
    byte[] header = header(entries, size, sums);
    List<ByteBuffer> pieces = new ArrayList<>();
    pieces.add(ByteBuffer.wrap(Arrays.copyOf(header, (int) aligned(header.length))));
    for (Entry e : entries) {
      long bytes = e.matrix.bytes();
      for (long o = 0; o < bytes; o += PIECE) {
        pieces.add(piece(e.matrix.data(), o, PIECE));
      }
      if (aligned(bytes) > bytes) {
        pieces.add(ByteBuffer.allocate((int) (aligned(bytes) - bytes)));
      }
    }
    try (FileChannel channel = FileChannel.open(to, StandardOpenOption.WRITE)) {
      writeFully(channel, pieces.toArray(ByteBuffer[]::new));
    }
  }

  /** A matrix and its place in the file, after the header. */
  private record Entry(String name, PackedMatrix matrix, long offset) {}

  private static byte[] header(List<Entry> entries, long size, int[] sums) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(size);
      out.writeInt(entries.size());
      for (int i = 0; i < sums.length; i++) {
        PackedMatrix m = entries.get(i).matrix;
        out.writeUTF(entries.get(i).name);
        out.writeUTF(m.format().name());
        out.writeInt(m.rows());
        out.writeInt(m.columns());
        out.writeLong(entries.get(i).offset);
        out.writeInt(sums[i]);
      }
    }
    byte[] body = bytes.toByteArray();
    return ByteBuffer.allocate(body.length + PREFIX_BYTES).putLong(MAGIC).putInt(VERSION).putInt(body.length)
        .putInt(checksum(MemorySegment.ofArray(body))).put(body).array();
  }

  private void read(Arena arena) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES);
      readFully(channel, prefix, 0);
      prefix.flip();
      require(prefix.getLong() == MAGIC && prefix.getInt() == VERSION);
      int length = prefix.getInt();
      require(length > 0 && length <= MAX_HEADER && length <= channel.size());
      byte[] body = new byte[length];
      readFully(channel, ByteBuffer.wrap(body), PREFIX_BYTES);
      require(checksum(MemorySegment.ofArray(body)) == prefix.getInt());
      try (DataInputStream header = new DataInputStream(new ByteArrayInputStream(body))) {
        readMatrices(channel, header, aligned((long) PREFIX_BYTES + length), arena);
      }
    }
  }

  /** What the header says of a matrix. */
  private record Place(String name, PanelFormat format, int rows, int columns, long offset, long bytes, int sum) {}

  private void readMatrices(FileChannel channel, DataInputStream header, long start, Arena arena) throws IOException {
    long size = header.readLong();
    long length = channel.size() - start;
    require(size > 0 && size <= aligned(length));
    int n = header.readInt();
    List<Place> places = new ArrayList<>();
    long total = 0;
    for (int i = 0; i < n; i++) {
      String name = header.readUTF();
      PanelFormat format = PanelFormat.valueOf(header.readUTF());
      int rows = header.readInt();
      int columns = header.readInt();
      long offset = header.readLong();
      long bytes = Packer.bytes(format, rows, columns);
      total += bytes;
      require(offset % ALIGNMENT == 0 && offset >= 0 && bytes <= length - offset && total <= size);
      places.add(new Place(name, format, rows, columns, offset, bytes, header.readInt()));
    }
    MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, start, length, arena);
    // The largest first, and whoever is free takes the next, so that all are done at once.
    places.sort(Comparator.comparingLong(Place::bytes).reversed());
    AtomicInteger next = new AtomicInteger();
    AtomicBoolean damaged = new AtomicBoolean();
    workers.run((share, shares) -> {
      for (int i = next.getAndIncrement(); i < n; i = next.getAndIncrement()) {
        Place p = places.get(i);
        if (checksum(mapped.asSlice(p.offset, p.bytes)) != p.sum) {
          damaged.set(true);
        }
      }
    });
    require(!damaged.get());
    for (Place p : places) {
      matrices.put(p.name, new PackedMatrix(p.format, p.rows, p.columns, asAllocated(mapped.asSlice(p.offset, p.bytes))));
    }
  }

  /**
   * A view of mapped memory whose class is that of allocated memory: one kind of segment is all that C2 has to compile the
   * kernels for, and what it has compiled for one it throws away when it meets the other.
   */
  private static MemorySegment asAllocated(MemorySegment mapped) {
    return mapped.byteSize() > Integer.MAX_VALUE ? mapped
        : MemorySegment.ofBuffer(mapped.asByteBuffer().order(ByteOrder.nativeOrder()).asLongBuffer());
  }

  private static ByteBuffer piece(MemorySegment data, long offset, int most) {
    return data.asSlice(offset, Math.min(most, data.byteSize() - offset)).asByteBuffer();
  }

  /** Deletes the least recently used files beyond the bound, and parts that a process left behind. */
  private void evict() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(file.getParent())) {
      files = all.filter(f -> f.toString().endsWith(SUFFIX) || f.toString().endsWith(".part")).toList();
    }
    Instant old = Instant.now().minusSeconds(3600);
    Map<Path, Instant> times = new HashMap<>();
    for (Path f : files) {
      times.put(f, Files.getLastModifiedTime(f).toInstant());
      if (f.toString().endsWith(".part") && times.get(f).isBefore(old)) {
        Files.deleteIfExists(f);
      }
    }
    long bytes = 0;
    for (Path f : files.stream().filter(f -> f.toString().endsWith(SUFFIX))
        .sorted(Comparator.comparing(times::get).reversed()).toList()) {
      bytes += Files.size(f);
      if (bytes > MAX_BYTES && !f.equals(file)) {
        Files.deleteIfExists(f);
      }
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer to, long from) throws IOException {
    for (long at = from; to.hasRemaining();) {
      int n = channel.read(to, at);
      require(n > 0);
      at += n;
    }
  }

  /**
   * Writes all in as few calls as the system takes, usually one. Where a file system keeps a file's pages as large as the calls
   * that wrote them (Linux, ext4 and XFS), they are huge ones that a mapping has one entry for: fewer misses of the
   * translation buffer, and 3 to 8 % more tokens per second where that was measured.
   */
  private static void writeFully(FileChannel channel, ByteBuffer[] pieces) throws IOException {
    for (int first = 0; first < pieces.length;) {
      if (pieces[first].hasRemaining()) {
        channel.write(pieces, first, pieces.length - first);
      } else {
        first++;
      }
    }
  }

  private static int checksum(MemorySegment bytes) {
    CRC32C sum = new CRC32C();
    for (long o = 0; o < bytes.byteSize(); o += CHUNK) {
      sum.update(piece(bytes, o, CHUNK));
    }
    return (int) sum.getValue();
  }

  private static long aligned(long offset) {
    return Math.ceilDiv(offset, ALIGNMENT) * ALIGNMENT;
  }

  private static void require(boolean condition) throws IOException {
    if (!condition) {
      throw new IOException("no cache file of this version, or a damaged one");
    }
  }
}
