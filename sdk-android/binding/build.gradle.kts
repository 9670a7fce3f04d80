// The Kotlin that `scripts/kotlin.sh binding` generates. JNA comes as a JAR on a JVM, as an AAR in an app: each module says.
plugins {
    id("org.jetbrains.kotlin.jvm")
}

kotlin {
    jvmToolchain(17)
    compilerOptions.jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11)
    sourceSets["main"].kotlin.setSrcDirs(listOf("target/generated/kotlin"))
}

java {
    targetCompatibility = JavaVersion.VERSION_11
}

dependencies {
    compileOnly(extra["jna"] as String)
}
