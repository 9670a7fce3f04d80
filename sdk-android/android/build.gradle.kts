plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "io.headwater.analytics.android"
    compileSdk = 35
    defaultConfig {
        minSdk = 21
        consumerProguardFiles("consumer-rules.pro")
    }
    sourceSets["main"].java.setSrcDirs(listOf("src/main/kotlin"))
    // scripts/build-aar.sh puts libheadwater_ffi.so there, one for each ABI.
    sourceSets["main"].jniLibs.setSrcDirs(listOf("build/jniLibs"))
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

kotlin {
    explicitApi()
    compilerOptions.jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11)
}

dependencies {
    api(project(":core"))
    // With libjnidispatch.so for Android, aligned to 16 KB.
    implementation((extra["jna"] as String) + "@aar")
}
