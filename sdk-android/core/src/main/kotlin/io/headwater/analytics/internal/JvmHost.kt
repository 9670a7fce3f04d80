package io.headwater.analytics.internal

import io.headwater.analytics.Configuration
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import io.headwater.analytics.platform.Migration
import java.io.File
import java.util.Properties

/** A JVM without a device around it. */
@OptIn(HeadwaterPlatform::class)
internal class JvmHost : Host {
    override val libraryName: String get() = "headwater-kotlin"

    override fun folder(): File = File(System.getProperty("user.home") ?: ".", ".headwater")

    /** What analytics-kotlin keeps on a JVM: a properties file and batches under /tmp. */
    override fun migrate(configuration: Configuration, into: Migration) {
        val folder = File("/tmp/analytics-kotlin", configuration.writeKey)
        if (folder.isDirectory) analyticsKotlin(folder, configuration.writeKey, into)
    }

    companion object {
        fun analyticsKotlin(folder: File, writeKey: String, into: Migration) {
            into.analyticsKotlinFiles(File(folder, "events"))
            val file = File(folder, "analytics-kotlin-$writeKey.properties")
            val known = Properties()
            runCatching { file.inputStream().use(known::load) }.getOrNull() ?: return
            into.identity(
                known.getProperty("segment.anonymousId"),
                known.getProperty("segment.userId"),
                known.getProperty("segment.traits")?.let(::parse),
            )
        }
    }
}
