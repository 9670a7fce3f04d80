import com.sun.jna.Library
import com.sun.jna.Native
import java.io.File

private const val CALLS = 1_000
private const val SIGKILL = 9

/** Long enough to fetch settings: the peer holds everything in memory until then. */
private const val SETTLE_MS = 2_000L

@Suppress("FunctionName")
private interface Libc : Library {
    fun getpid(): Int

    fun kill(process: Int, signal: Int): Int
}

/** In a process of its own: makes the calls, and dies in the same instant. */
fun callAndDie(name: String, folder: File, port: Int) {
    val libc = Native.load("c", Libc::class.java)
    val self = libc.getpid()
    val contender = contender(name, folder, port)
    Thread.sleep(SETTLE_MS)
    repeat(CALLS) { contender.track("Order Completed", properties("killed-$it")) }
    libc.kill(self, SIGKILL)
}

/** In a process of its own: the app's next start, given time to send what was left. */
fun recover(name: String, folder: File, port: Int) {
    contender(name, folder, port).use { contender ->
        val until = System.nanoTime() + 10_000_000_000
        while (System.nanoTime() < until && System.`in`.available() == 0) {
            contender.flush()
            Thread.sleep(200)
        }
    }
}

/** Events lost of [CALLS] when the process dies right after the last call returned, and is started once more. */
fun lostOnKill(name: String, folder: File): Int = Sink().use { sink ->
    val place = folder.resolve("killed-$name")
    val killed = child("killed", name, place.path, sink.port.toString())
    check(killed.waitFor() == 128 + SIGKILL) { "$name did not die of SIGKILL" }
    val next = child("recover", name, place.path, sink.port.toString())
    sink.settled(CALLS)
    // It may have used up its time.
    runCatching { next.outputStream.use { it.write('\n'.code) } }
    next.waitFor()
    CALLS - sink.events
}

private fun child(vararg role: String): Process {
    val java = File(System.getProperty("java.home"), "bin/java").path
    val command = listOf(java, "-cp", System.getProperty("java.class.path"), "MainKt") + role
    return ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
}
