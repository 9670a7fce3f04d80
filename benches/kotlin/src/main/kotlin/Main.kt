import java.io.File
import java.nio.file.Files
import kotlin.system.exitProcess

private const val OURS = "headwater"
private const val PEER = "analytics-kotlin"

fun main(args: Array<String>) {
    when (args.firstOrNull()) {
        "killed" -> callAndDie(args[1], File(args[2]), args[3].toInt())
        "recover" -> recover(args[1], File(args[2]), args[3].toInt())
        null -> run()
        else -> error("no such role: ${args[0]}")
    }
    // The peer's threads keep a JVM alive.
    exitProcess(0)
}

private fun run() {
    val folder = Files.createTempDirectory("headwater-bench").toFile()
    try {
        val times = measure(listOf(OURS, PEER), folder)
        val lost = listOf(OURS, "$OURS-sync", PEER).associateWith { lostOnKill(it, folder) }
        for ((name, time) in times) println("%-18s p50 %8.2f us   p99 %8.2f us".format(name, time.first, time.second))
        for ((name, count) in lost) println("%-18s lost %d of 1,000 calls before SIGKILL".format(name, count))
        val (ours, peer) = times.getValue(OURS) to times.getValue(PEER)
        line("kotlin_track_p50", ours.first, "us", peer.first)
        line("kotlin_track_p99", ours.second, "us", peer.second)
        line("kotlin_lost_on_kill", lost.getValue("$OURS-sync").toDouble(), "events", lost.getValue(PEER).toDouble())
    } finally {
        folder.deleteRecursively()
        // Where the peer keeps its files on a JVM.
        File("/tmp/analytics-kotlin").listFiles { file -> file.name.startsWith("headwater-bench-") }
            ?.forEach { it.deleteRecursively() }
    }
}

private fun line(name: String, ours: Double, unit: String, peer: Double) {
    val ratio = when {
        peer == 0.0 -> if (ours == 0.0) "1.00" else "inf"
        ours > 0 && ours / peer < 0.095 -> "%.4f".format(ours / peer)
        else -> "%.2f".format(ours / peer)
    }
    println("BENCH name=$name value=%.2f unit=$unit vs=$PEER ratio=$ratio".format(ours))
}
