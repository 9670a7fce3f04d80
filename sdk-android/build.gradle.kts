plugins {
    id("org.jetbrains.kotlin.jvm") apply false
    id("org.jetbrains.kotlin.android") apply false
    id("com.android.library") apply false
}

val pom = file("pom.xml").readText()
fun version(name: String) = Regex("<$name>(.+?)</$name>").find(pom)!!.groupValues[1]

allprojects {
    group = "io.headwater"
    version = version("version")
    extra["jna"] = "net.java.dev.jna:jna:" + version("jna.version")
    extra["serialization"] = "org.jetbrains.kotlinx:kotlinx-serialization-json:" + version("serialization.version")
}
