// headwater-kotlin-cli: the Kotlin SDK from a command line. `--input '<json>'` is the contract of tests/conformance.
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.put
import java.io.File
import kotlin.system.exitProcess

fun main(arguments: Array<String>) {
    if (arguments.size != 2 || arguments[0] != "--input") {
        println(
            """
            headwater-kotlin-cli --input '<json>'   one run by the contract of tests/conformance/README.md
            headwater-kotlin-cli --input @FILE      the same from a file
            """.trimIndent(),
        )
        exitProcess(2)
    }
    val answer = answer(arguments[1])
    println(answer)
    System.out.flush()
    // Nothing is left to do: threads of the library need not be waited for.
    Runtime.getRuntime().halt(if (answer["success"] == JsonPrimitive(true)) 0 else 1)
}

private fun answer(text: String): JsonObject = try {
    val document = if (text.startsWith("@")) File(text.drop(1)).readText() else text
    Drive(Json.parseToJsonElement(document).jsonObject).run()
} catch (error: Exception) {
    buildJsonObject {
        put("success", false)
        put("sentBatches", 0)
        put("error", error.toString())
    }
}
