import java.io.File

private const val WARM_UP = 20_000
private const val ROUNDS = 7
private const val CALLS = 5_000

/** Times of one round, sorted, nanoseconds. */
private fun round(contender: Contender, prefix: String): LongArray {
    val events = Array(CALLS) { properties("$prefix-$it") }
    val times = LongArray(CALLS)
    for (call in times.indices) {
        val start = System.nanoTime()
        contender.track("Order Completed", events[call])
        times[call] = System.nanoTime() - start
    }
    times.sort()
    return times
}

private fun LongArray.share(share: Double) = this[((size - 1) * share).toInt()] / 1000.0

private fun List<Double>.median() = sorted()[size / 2]

/** Median over the rounds of each contender's p50 and p99, microseconds. The contenders take turns in one JVM. */
fun measure(names: List<String>, folder: File): Map<String, Pair<Double, Double>> = Sink().use { sink ->
    val contenders = names.map { it to contender(it, folder.resolve(it), sink.port) }
    // Each is running, its settings fetched: what it does before is not what a call costs.
    for ((name, contender) in contenders) {
        contender.track("Started", properties("started-$name"))
        contender.flush()
    }
    sink.settled(contenders.size)
    val found = names.associateWith { mutableListOf<Pair<Double, Double>>() }
    val sent = names.associateWith { 0 }.toMutableMap()
    fun turn(name: String, contender: Contender, prefix: String): LongArray {
        sink.forget()
        val times = round(contender, prefix)
        contender.flush()
        // What it does on other threads is done before the next one's turn.
        sent[name] = sent.getValue(name) + sink.settled(CALLS)
        return times
    }
    for ((name, contender) in contenders) repeat(WARM_UP / CALLS) { turn(name, contender, "$name-warm-$it") }
    repeat(ROUNDS) { round ->
        for ((name, contender) in contenders) {
            val times = turn(name, contender, "$name-$round")
            found.getValue(name) += times.share(0.5) to times.share(0.99)
        }
    }
    contenders.forEach { (_, contender) -> contender.close() }
    for ((name, arrived) in sent) println("%-18s %d calls, %d arrived".format(name, WARM_UP + ROUNDS * CALLS, arrived))
    found.mapValues { (_, rounds) -> rounds.map { it.first }.median() to rounds.map { it.second }.median() }
}
