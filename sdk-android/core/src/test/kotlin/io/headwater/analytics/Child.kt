package io.headwater.analytics

import java.io.File
import kotlin.system.exitProcess

/** Another JVM with the library, which can be killed: opens a folder, makes calls, says `ready`, and stays. */
object Child {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (folder, address, calls, durable) = arguments
        val analytics = Analytics("wk") {
            apiHost = address
            fetchSettings = false
            migrate = false
            durability = Durability.valueOf(durable)
            storageDirectory = File(folder)
            onError { exitProcess(3) }
        }
        analytics.setOnline(false)
        repeat(calls.toInt()) { analytics.track("e", mapOf("n" to it)) }
        println("ready")
        Thread.sleep(60_000)
    }

    /** One that is ready. Closing it is SIGKILL. */
    fun start(
        folder: File,
        address: String = "http://127.0.0.1:9",
        calls: Int = 0,
        durability: Durability = Durability.Buffered,
    ): AutoCloseable {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val process = ProcessBuilder(
            java, "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Child::class.java.name,
            folder.path, address, calls.toString(), durability.name,
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        check(process.inputStream.bufferedReader().readLine() == "ready") { "the child did not start" }
        return AutoCloseable { process.destroyForcibly().waitFor() }
    }
}
